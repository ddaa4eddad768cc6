// Making nodes. Text goes in as text, never as markup: the page's security policy allows nothing else.

const SVG = 'http://www.w3.org/2000/svg';

function build(node, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An HTML element: props named on* become listeners, null and false are left out. */
export const el = (tag, props, ...children) => build(document.createElement(tag), props, children);

/** The same for SVG. */
export const svg = (tag, props, ...children) => build(document.createElementNS(SVG, tag), props, children);

/** Empty a node and fill it. */
export function replace(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Whether the reader has asked for less motion. */
export const reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** A value that outlives the page, where the browser allows that. */
export const kept = {
  get(storage, key) {
    try {
      return storage().getItem(key);
    } catch {
      return null;
    }
  },
  set(storage, key, value) {
    try {
      if (value === null) storage().removeItem(key);
      else storage().setItem(key, value);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
  },
};
