/**
 * Times for words that have none: made up, and the same for the same dialogue every time.
 *
 * * A word lasts its letters at 13 a second, 0.12 s at least; 0.04 s part it from the next one.
 * * A caller pauses at every plausible place: after a filler, inside dictation, at the end of a sentence, before a conjunction,
 *   at another clause edge. A short reading of the rules of `evaluation/pauses.py`, which counts the parts of numbers with more care.
 * * How long: a quantile hashed from the turn's words and the place, on the survival curve of `evaluation/pause_lengths.py` (what
 *   the silence timer of livekit/eot-bench implies, English calls): S(0.2 s) = 1, S(0.3) = .556, S(0.6) = .217, S(1.0) = .10, S(1.6) = .05.
 * * The bot answers 1 s after the caller's last word, the caller 0.3 to 1.2 s after the bot's.
 */

import { wordsOf } from './dialogue.js';
import { MIN_PAUSE_S } from './simulate.js';

const LETTERS_PER_S = 13;
const SHORTEST_WORD_S = 0.12;
const WORD_GAP_S = 0.04;
const BOT_ANSWERS_AFTER_S = 1.0;

const setOf = (words) => new Set(words.split(' '));
const FILLERS = setOf('э ээ эээ эм эмм м мм ммм хм ну вот значит короче типа блин слушайте допустим');
const FILLER_PAIRS = setOf('как_бы это_самое так_сказать в_общем');
const CONJUNCTIONS = setOf(
  'а и но или либо зато однако хотя чтобы чтоб если когда поскольку потому поэтому причём притом что который которая которое которые');
/** After these a conjunction goes on with what has begun («потому что», «и если»). */
const HELD = new Set([...CONJUNCTIONS, ...setOf(
  'в во на с со к ко за по из от до о об у для без при про над под через после перед между ни не то так тем том того тому')]);
const UNITS = setOf('один одна два две три четыре пять шесть семь восемь девять');
const TEENS = setOf('ноль десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать');
const TENS = setOf('двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто');
const HUNDREDS = setOf('сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот');
const SIGNS = setOf('собака точка тире дефис плюс минус подчёркивание слэш дробь решётка');
const KNOTS = [[0.2, 1], [0.3, 0.556], [0.6, 0.217], [1.0, 0.1], [1.6, 0.05]];

/** Marks after the last word would tell an end from a pause; recognisers print them as they like. */
const LAST_MARKS = /[\s,.!?…;:«»"'“”„()[\]–—-]+$/u;

/** Pause length in seconds whose survival is `1 - quantile`; the quantile is of [0, 1). */
export function pauseSeconds(quantile) {
  const logSurvival = Math.log1p(-quantile);
  let piece = 1;
  while (piece < KNOTS.length - 1 && logSurvival < Math.log(KNOTS[piece][1])) piece += 1;
  const [[fromS, fromShare], [toS, toShare]] = [KNOTS[piece - 1], KNOTS[piece]];
  const along = (logSurvival - Math.log(fromShare)) / (Math.log(toShare) - Math.log(fromShare));
  return fromS + along * (toS - fromS);
}

/** A number of [0, 1) that depends on the text alone (FNV-1a, then the last step of MurmurHash3). */
export function unitHash(text) {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Whether a caller plausibly pauses after word `index` (never the last one). */
export function pausesAfter(words, index) {
  const written = words[index];
  const [before, after] = [bare(words[index]), bare(words[index + 1])];
  if (FILLERS.has(before) || (index && FILLER_PAIRS.has(`${bare(words[index - 1])}_${before}`))) return true;
  if (isDictated(before) && isDictated(after)) return !isOneNumber(before, after);
  return /[,.!?…;:][»"”)]*$/.test(written) || (CONJUNCTIONS.has(after) && !HELD.has(before));
}

function bare(word) {
  return word.toLowerCase().replace(/[^\p{L}\p{N}@+-]+/gu, '').replace(/^-+|-+$/g, '');
}

function isDictated(word) {
  return /^[\d+-]*\d$/.test(word) || /^[a-z][a-z0-9@.+-]*$/.test(word)
    || [UNITS, TEENS, TENS, HUNDREDS, SIGNS].some((words) => words.has(word));
}

/** True for parts of one number («двадцать | пять», «девятьсот | двадцать»). */
function isOneNumber(before, after) {
  return (TENS.has(before) && UNITS.has(after))
    || (HUNDREDS.has(before) && [UNITS, TEENS, TENS].some((words) => words.has(after)) && after !== 'ноль');
}

/**
 * The dialogue with times for every word.
 *
 * @returns `{turns, madeUp}`; every turn has `words`; `madeUp` is 'all', 'some' or 'none': whose times nobody measured.
 */
export function withTimes(dialogue) {
  let nowS = 0;
  let role = null;
  const turns = dialogue.turns.map((turn, index) => {
    if (turn.words === null) {
      const gapS = turn.role === 'agent' ? (role === null ? 0.3 : BOT_ANSWERS_AFTER_S)
        : 0.3 + 0.9 * unitHash(`answer\n${index}\n${turn.text}`);
      const words = madeWords(turn, nowS + gapS);
      const next = dialogue.turns.slice(index + 1).find((later) => later.words !== null)?.words[0];
      turn = { ...turn, words: next ? squeezed(words, nowS, next.startS) : words };
    }
    nowS = Math.max(nowS, turn.words.at(-1).endS);
    role = turn.role;
    return turn;
  });
  const nMade = dialogue.turns.filter((turn) => turn.words === null).length;
  return { turns, madeUp: nMade === 0 ? 'none' : nMade === turns.length ? 'all' : 'some' };
}

function madeWords(turn, startS) {
  let nowS = startS;
  const texts = wordsOf(turn.text);
  return texts.map((text, index) => {
    const letters = bare(text).length || 1;
    const word = { text, startS: nowS, endS: nowS + Math.max(SHORTEST_WORD_S, letters / LETTERS_PER_S) };
    const pauses = turn.role === 'client' && index + 1 < texts.length && pausesAfter(texts, index);
    nowS = word.endS + (pauses ? pauseSeconds(unitHash(`pause\n${index}\n${turn.text}`)) : WORD_GAP_S);
    return word;
  });
}

/** Made times before a measured turn must end before it begins. */
function squeezed(words, fromS, toS) {
  const last = words.at(-1).endS;
  if (last <= toS || toS <= fromS) return words;
  const scale = (toS - fromS) / (last - fromS);
  return words.map((word) => ({
    text: word.text, startS: fromS + (word.startS - fromS) * scale, endS: fromS + (word.endS - fromS) * scale,
  }));
}

/**
 * The caller's moments: after every word of his, what had been said. Those in a pause or at the end of a turn are what policies meet.
 *
 * @returns `[{turn, context, text, startS, pauseS, isPause, isEnd}]` by rising time; `startS` is where the word ends, `pauseS` the
 *   seconds until the next word, null at the end of the turn; `text` is what a recogniser would have printed, without marks at its end.
 */
export function momentsOf(turns) {
  const moments = [];
  let context = '';
  for (const [number, turn] of turns.entries()) {
    if (turn.role === 'agent') {
      context = turn.text;
      continue;
    }
    const said = [];
    for (const [index, word] of turn.words.entries()) {
      said.push(word.text);
      const next = turn.words[index + 1];
      const pauseS = next ? next.startS - word.endS : null;
      moments.push({
        turn: number, context, text: said.join(' ').replace(LAST_MARKS, ''),
        startS: word.endS, pauseS, isPause: pauseS !== null && pauseS >= MIN_PAUSE_S - 1e-9, isEnd: !next,
      });
    }
  }
  return moments;
}
