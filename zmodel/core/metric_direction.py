"""Whether a metric should grow or shrink, by its name.

Errors shrink, scores grow.
"""

from __future__ import annotations

import re

from zmodel.core.run_value import RESULT_KEYS

ERRORS = """
    loss losses nll bce crossentropy hinge perplexity ppl bpc bpb
    error errors err mse mae rmse mape smape msle rmsle medae mad nrmse rse mpe deviance
    wer cer ter mer brier ece mce eer fpr fnr fdr hter
    cost regret distance divergence kl kld fid kid lpips ade fde epe rmsd
    latency runtime flops
"""
SCORES = """
    acc accuracy f1 f2 fscore fbeta dice iou miou jaccard
    auc auroc rocauc aucroc auprc prauc aucpr ap map precision recall sensitivity specificity
    tpr tnr ppv npv kappa mcc gini
    r2 pearson spearman kendall corr correlation corrcoef pcc srcc plcc concordance
    ndcg dcg mrr hit hits bleu rouge meteor chrf cider psnr ssim msssim sdr sisdr
    likelihood elbo reward return gain lift
"""
AFTER = """
    best score rate value macro micro weighted balanced avg average mean median total sum
    epoch step ema top at k
"""
SMALLER = frozenset(ERRORS.split()) | {*RESULT_KEYS}
LARGER = frozenset(SCORES.split())
QUALIFIERS = frozenset(AFTER.split())
"""Words after the one that counts: `f1_macro`, `error_rate`, `ndcg_at_10`."""
TURNS = {"neg", "negative"}
"""As in `neg_mean_squared_error`."""


def direction_of(metric: str) -> str | None:
    """``maximize`` or ``minimize``; ``None`` for a name that does not say.

    Its last word counts, without qualifiers and numbers: `val/loss`, `MeanSquaredError`,
    `val/f1_macro_best`.
    """
    words = _words(metric.rpartition("/")[2])
    while words and words[-1] in QUALIFIERS:
        words.pop()
    last = {words[-1], "".join(words[-2:])} if words else set()
    if not last & (SMALLER | LARGER):
        return None
    smaller = bool(last & SMALLER) != bool(TURNS & set(words))
    return "minimize" if smaller else "maximize"


def _words(name: str) -> list[str]:
    """`MeanSquaredError`, `MSELoss` and `map@50` in lower-case words, without numbers."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    words = re.findall(r"[a-z0-9]+", apart.lower())
    known = SMALLER | LARGER
    return [w for word in words if (w := word if word in known else word.rstrip("0123456789"))]
