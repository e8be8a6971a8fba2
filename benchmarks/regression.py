"""Linear models and gradient boosting on the parts that a regression of zmodel uses.

    python benchmarks/regression.py table.csv target
    python benchmarks/regression.py series.npz

Their settings are chosen by five-fold cross-validation of training and validation samples
together; then they are fitted to all of these and tested once, as the final stage does.
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zmodel.data import ArrayFile

GRID = {
    "learning_rate": [0.02, 0.05, 0.1],
    "max_iter": [50, 100, 200],
    "max_leaf_nodes": [4, 8, 31],
    "min_samples_leaf": [10, 20, 40],
}
FOLDS = KFold(5, shuffle=True, random_state=0)


def main(path: str, target: str | None = None) -> None:
    data = ArrayFile(path, task="regression", label_column=target, normalize=False)
    train, test = data.load_train(), data.load_test()
    boosting = HistGradientBoostingRegressor(random_state=0, early_stopping=False)
    models = {
        "mean of the training samples": None,
        "ridge regression": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 40))),
        "gradient boosting": GridSearchCV(
            boosting, GRID, scoring="neg_mean_squared_error", cv=FOLDS
        ),
    }
    y, true = train.y.ravel(), test.y.ravel()
    x, x_test = (part.x.reshape(len(part.x), -1) for part in (train, test))  # series as vectors
    for name, model in models.items():
        predicted = np.full(len(true), y.mean())
        if model is not None:
            predicted = model.fit(x, y).predict(x_test)
        mse, mae = mean_squared_error(true, predicted), mean_absolute_error(true, predicted)
        print(f"{name:<30} mse {mse:8.5g}  mae {mae:6.4g}  r2 {r2_score(true, predicted):.3f}")
        if isinstance(model, GridSearchCV):
            print(f"{'':<30} {model.best_params_}, folds: mse {-model.best_score_:.5g}")


if __name__ == "__main__":
    main(*sys.argv[1:])
