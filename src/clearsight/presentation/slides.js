(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const keys = document.querySelector(".keys");
  const now = () => slides.reduce((best, slide, index) => {
    const far = Math.abs(slide.getBoundingClientRect().top);
    return far < best[1] ? [index, far] : best;
  }, [0, Infinity])[0];
  const go = index => slides[Math.max(0, Math.min(slides.length - 1, index))].scrollIntoView({ behavior: "instant" });
  const acts = {
    ArrowRight: () => go(now() + 1), ArrowDown: () => go(now() + 1), PageDown: () => go(now() + 1),
    " ": () => go(now() + 1), Enter: () => go(now() + 1),
    ArrowLeft: () => go(now() - 1), ArrowUp: () => go(now() - 1), PageUp: () => go(now() - 1),
    Backspace: () => go(now() - 1), Home: () => go(0), End: () => go(slides.length - 1),
    n: () => { const at = now(); document.body.classList.toggle("with-notes"); go(at); },
    f: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
  };
  addEventListener("keydown", event => {
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys.classList.add("used");
    act();
  });
})();
