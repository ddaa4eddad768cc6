// One caller on one call: his words and silences to the server, its judgements to the verdict and the trail.

import { createTrail } from './trail.js';
import { createVerdict } from './verdict.js';

/** Words whose probabilities are asked for afterwards, and the calm before that, in milliseconds. */
const MAX_FILLED = 64;
const FILL_AFTER_MS = 120;

const same = (a, b) => a.toLowerCase().split(/\s+/).join(' ').trim() === b.toLowerCase().split(/\s+/).join(' ').trim();

/**
 * A caller whose words are known in full at any time, as in a text box. `replyOf()` is what the bot answers; `onEnd(event)` is called when it
 * begins to speak, `onFault(message | null)` when the server could not judge.
 */
export function createCaller({ api, onLanguage, replyOf, onEnd, onFault }) {
  const verdict = createVerdict({ onLanguage });
  const trail = createTrail({ onLanguage });
  let line = '';
  let text = '';
  let seq = 0;
  let silentSinceMs = null;
  let latest = null;
  let fillTimer = 0;
  let filling = null;
  const sent = new Map(); // seq -> text

  const call = api.stream({ start: { late_grace_s: 0 }, onEvent: take, onState: changed });

  function take(event) {
    const about = sent.get(event.seq);
    if (about !== undefined) sent.delete(event.seq);
    switch (event.type) {
      case 'started':
        verdict.use({ threshold: event.threshold, policy: event.policy });
        break;
      case 'prediction':
        if (about === undefined) break; // of a call that is over
        onFault(null);
        judged(about, { p: event.eot_probability, label: event.label, delay_s: event.delay_s });
        break;
      case 'skipped': // other letters, the same words: what was judged last holds
        if (event.reason === 'same_words' && about !== undefined && latest !== null) judged(about, latest);
        break;
      case 'error':
        onFault(event.code);
        break;
      case 'end_of_turn':
        if (!same(event.text, text)) break;
        if (silentSinceMs === null) begin(text); // the words that went on and the end of the turn have crossed
        else {
          trail.paused(event.silence_s);
          silentSinceMs = null;
          verdict.bot(replyOf(), event.silence_s);
          onEnd?.(event);
        }
        break;
      default:
    }
  }

  function judged(about, prediction) {
    latest = prediction;
    trail.predicted(about, prediction);
    if (same(about, text)) verdict.predicted(prediction);
  }

  function changed(state) {
    const silent = verdict.mode === 'silent';
    // A call that was closed for idleness in a silence would never end it: sending is what opens it again.
    if (state === 'idle' && silent) call.send({ type: 'reset' });
    if (state !== 'open') return;
    begin(text);
    if (silent) {
      verdict.speaking();
      fallSilent();
    }
  }

  /** A call of its own for these words, so that nothing of an earlier try is left. */
  function begin(words) {
    silentSinceMs = latest = null;
    sent.clear();
    call.send({ type: 'reset' });
    if (line.trim()) call.send({ type: 'agent_turn', text: line });
    if (words.trim()) {
      call.send({ type: 'speech_started' });
      say(words);
    }
  }

  function say(words) {
    seq += 1;
    sent.set(seq, words);
    call.send({ type: 'partial', text: words, seq });
  }

  /** He has fallen silent, just now. */
  function fallSilent() {
    if (!text.trim() || verdict.mode !== 'speaking') return;
    silentSinceMs = performance.now();
    verdict.silent(silentSinceMs);
    call.send({ type: 'speech_stopped', silence_s: 0 });
  }

  /** Words that came several at a time: what the model would have said after each of them. */
  function fill() {
    clearTimeout(fillTimer);
    filling?.abort();
    fillTimer = setTimeout(async () => {
      const { signal } = (filling = new AbortController());
      // The whole of the words is what the call itself asks about.
      const beginnings = trail.unjudged().filter((beginning) => !same(beginning, text)).slice(-MAX_FILLED);
      if (beginnings.length === 0) return;
      const items = beginnings.map((message) => ({ message, context: line }));
      const found = await api.predictBatch(items, { signal }).catch(() => []); // the verdict stands without them
      if (!signal.aborted) found.forEach((prediction, place) => trail.predicted(beginnings[place], prediction));
    }, FILL_AFTER_MS);
  }

  return {
    verdict,
    trail,
    get text() {
      return text;
    },
    /** The bot's line; the words so far are judged anew after it. */
    ask(next) {
      if (next === line) return;
      line = next;
      trail.clear();
      trail.words(text);
      verdict.predicted(null);
      if (text.trim()) verdict.speaking();
      else verdict.idle();
      begin(text);
      fill();
    },
    /** All words of the caller so far. He is speaking, whatever went before. */
    speak(words) {
      const over = verdict.mode === 'bot' || verdict.mode === 'idle';
      if (silentSinceMs !== null) trail.paused((performance.now() - silentSinceMs) / 1000);
      text = words;
      if (!words.trim()) {
        trail.clear();
        verdict.predicted(null);
        verdict.idle();
        begin('');
        return;
      }
      trail.words(words);
      verdict.speaking();
      fill();
      if (over) {
        begin(words);
        return;
      }
      if (silentSinceMs !== null) call.send({ type: 'speech_started' });
      silentSinceMs = null;
      say(words);
    },
    fallSilent,
    /** He goes on to speak, the next words are on their way. */
    resume() {
      if (verdict.mode !== 'silent') return;
      trail.paused((performance.now() - silentSinceMs) / 1000);
      silentSinceMs = null;
      verdict.speaking();
      call.send({ type: 'speech_started' });
    },
    /** Words to look at: judged, but no silence runs. */
    show(nextLine, words) {
      line = nextLine;
      text = words;
      trail.clear();
      trail.words(words);
      verdict.predicted(null);
      verdict.idle();
      begin(words);
      fill();
    },
  };
}
