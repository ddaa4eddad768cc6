(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const key = "turn-detection-report-theme";
  let chosen = null;
  try { chosen = localStorage.getItem(key); } catch { /* a page from a file may have no storage */ }
  const show = () => {
    const dark = chosen ? chosen === "dark" : system.matches;
    root.style.colorScheme = chosen ?? "";
    root.dataset.theme = dark ? "dark" : "light";
    button.textContent = dark ? "Light theme" : "Dark theme";
  };
  button.addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem(key, chosen); } catch { /* the choice lasts as long as the page */ }
    show();
  });
  system.addEventListener("change", show);
  button.hidden = false;
  show();
  const open = () => document.querySelectorAll("details").forEach((part) => { part.open = true; });
  addEventListener("beforeprint", open);
})();
