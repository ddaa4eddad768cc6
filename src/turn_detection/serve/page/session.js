/** What replay and tuning share: the policy that is tried, and the dialogues with the model's probabilities. One per page. */

import { DEMOS } from './demo.js';
import { parseDialogues } from './dialogue.js';
import { momentsOf, withTimes } from './speech_times.js';

const listeners = new Set();
const sets = { demo: [], own: [] };
let policy = null;
let serverPolicy = null;
let shown = { set: 'demo', index: 0 };
let beginning = null;

function tell(what) {
  for (const listener of listeners) listener(what);
}

/** The dialogues with times and the model's answer after every word of the callers. */
async function judged(found, api, options) {
  const dialogues = found.map((dialogue) => {
    const timed = withTimes(dialogue);
    return { ...dialogue, ...timed, moments: momentsOf(timed.turns) };
  });
  const moments = dialogues.flatMap((dialogue) => dialogue.moments);
  const answers = await api.predictBatch(moments.map(({ text, context }) => ({ message: text, context })), options);
  for (const [index, moment] of moments.entries()) moment.p = answers[index].p;
  return dialogues;
}

export const session = {
  /** The settings that are tried; null before `ready`. */
  get policy() { return policy; },
  get serverPolicy() { return serverPolicy; },
  /** `{demo: [...], own: [...]}` of `{title, turns, moments, madeUp, rolesAreGuessed}`; every moment has `p`. */
  get sets() { return sets; },
  get shown() { return shown; },
  /** The dialogue that is looked at; null before `ready`. */
  get dialogue() { return sets[shown.set][shown.index] ?? null; },
  /** What policies meet in the set that is looked at: pauses and ends of all its dialogues. */
  get moments() {
    return sets[shown.set].flatMap(({ moments }) => moments.filter(({ isPause, isEnd }) => isPause || isEnd));
  },

  setPolicy(next) {
    policy = next;
    tell('policy');
  },

  choose(set, index) {
    shown = { set, index };
    tell('dialogues');
  },

  /** Policy of the server and the demo dialogues, once; after a failure it may be called again. */
  ready(api) {
    beginning ??= (async () => {
      serverPolicy = await api.policy();
      const found = DEMOS.map((demo) => ({ ...parseDialogues(JSON.stringify(demo)).dialogues[0], title: demo.title }));
      sets.demo = await judged(found, api);
      policy ??= serverPolicy;
      tell('dialogues');
    })().catch((error) => {
      beginning = null;
      throw error;
    });
    return beginning;
  },

  /**
   * Somebody's own dialogues; those of before stay until the new ones are judged.
   *
   * @returns how many dialogues were left out.
   * @throws DialogueError, ApiError
   */
  async load(text, api, options) {
    const { dialogues, nLeftOut } = parseDialogues(text);
    const own = await judged(dialogues.map((dialogue) => ({ ...dialogue, title: null })), api, options);
    sets.own = own;
    this.choose('own', 0);
    return nLeftOut;
  },

  /** `listener('policy' | 'dialogues')` after every change. */
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
