/** Texts of nodes that are made once and follow the language. */

/**
 * @param t the module's translator
 * @returns `say(key)`, a text node; `name(node, attribute, key)`, an attribute; `refresh()` after a switch of language.
 */
export function phrases(t) {
  const all = [];
  const add = (write) => {
    write();
    all.push(write);
  };
  return {
    say(key, values) {
      const node = document.createTextNode('');
      add(() => { node.data = t(key, values); });
      return node;
    },
    name(node, attribute, key, values) {
      add(() => node.setAttribute(attribute, t(key, values)));
      return node;
    },
    refresh() {
      for (const write of all) write();
    },
  };
}
