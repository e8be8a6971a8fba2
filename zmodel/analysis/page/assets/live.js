// A page that refreshes itself keeps its place.
const place = `zmodel-place-${document.title}`;
if (document.querySelector('meta[http-equiv="refresh"]')) {
  try {
    const y = sessionStorage.getItem(place);
    if (y) { document.documentElement.style.scrollBehavior = "auto"; scrollTo(0, Number(y)); }
    addEventListener("pagehide", () => sessionStorage.setItem(place, String(scrollY)));
  } catch { /* starts at the top */ }
}
