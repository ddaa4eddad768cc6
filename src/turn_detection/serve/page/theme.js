// A classic script that runs before the first paint: theme and language as last chosen, else as the browser prefers.
(() => {
  const root = document.documentElement;
  const kept = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage may be forbidden
    }
  };
  const theme = kept('turn-detection.theme');
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = theme === 'light' || theme === 'dark' ? theme : dark ? 'dark' : 'light';
  const language = kept('turn-detection.language');
  const russian = (navigator.languages || [navigator.language]).some((tag) => /^ru\b/i.test(tag));
  root.lang = language === 'ru' || language === 'en' ? language : russian ? 'ru' : 'en';
})();
