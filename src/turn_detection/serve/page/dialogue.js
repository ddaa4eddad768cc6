/**
 * What somebody pasted or dropped, as dialogues. The formats are those that training reads (`data/sources.py`), speaker-labelled
 * text, and words with times. Nothing is guessed in silence: what does not fit is a `DialogueError` with the place.
 *
 * A dialogue is `{turns: [{role, text, words}], rolesAreGuessed}`; `role` is 'agent' or 'client', `words` is
 * `[{text, startS, endS}]`, seconds of the call, or null where nobody measured.
 */

const AGENT = 'agent';
const CLIENT = 'client';
/** `types.ROLE_ALIASES`, and how people label lines in Russian. */
const ROLES = new Map([
  ...['agent', 'assistant', 'bot', 'operator', 'бот', 'оператор', 'агент', 'ассистент', 'робот'].map((name) => [name, AGENT]),
  ...['client', 'user', 'caller', 'customer', 'клиент', 'абонент', 'пользователь', 'звонящий'].map((name) => [name, CLIENT]),
]);
/** Roles of messages that nobody says aloud. */
const SILENT = new Set(['system', 'tool', 'developer', 'function']);
/** The dash that opens a line of dialogue in Russian print. */
const LEADING_DASH = /^\s*[-‐-―−]+\s*/;
const LABEL = /^\s*[-‐-―−*]*\s*([\p{L}]{2,20})\s*[:：]\s*(.*)$/u;
/** A chat's time or number before the label («[00:12] бот: …») is no speech. */
const STAMP = /^\s*(?:\[\d{1,2}(?::\d{2}){1,2}(?:[.,]\d+)?\]|\d{1,2}(?::\d{2}){1,2})\s*/;
export const MAX_DIALOGUES = 50;
export const MAX_CHARS = 2_000_000;
/** Recognisers let neighbouring words overlap by so much. */
const OVERLAP_S = 0.1;
/** Words of what is loaded, an hour of talk: every word of a caller is a question to the model. */
export const MAX_WORDS = 6000;

/** `code` names the fault for the page's words; `line` of the text, `dialogue` and `message` in it count from 1 or are null. */
export class DialogueError extends Error {
  constructor(code, { line = null, dialogue = null, message = null } = {}) {
    super(code);
    this.name = 'DialogueError';
    this.code = code;
    this.place = { line, dialogue, message };
  }
}

/**
 * @returns `{dialogues, nLeftOut}`: at most `MAX_DIALOGUES` of together `MAX_WORDS` words, and how many more there were.
 * @throws DialogueError
 */
export function parseDialogues(source) {
  const text = source.replace(/^\uFEFF/, '');
  if (!text.trim()) throw new DialogueError('empty');
  if (text.length > MAX_CHARS) throw new DialogueError('tooLong');
  const dialogues = /^\s*[[{]/.test(text) && !STAMP.test(text) ? fromJson(text) : [fromLabelled(text)];
  const kept = [];
  let nWords = 0;
  for (const [index, dialogue] of dialogues.entries()) {
    if (!dialogue.turns.some((turn) => turn.role === CLIENT)) {
      throw new DialogueError('noClient', { dialogue: dialogues.length > 1 ? index + 1 : null });
    }
    nWords += dialogue.turns.reduce((sum, turn) => sum + wordsOf(turn.text).length, 0);
    if (nWords <= MAX_WORDS && kept.length < MAX_DIALOGUES) kept.push(dialogue);
  }
  if (!kept.length) throw new DialogueError('tooLong');
  return { dialogues: kept, nLeftOut: dialogues.length - kept.length };
}

/** The written words of a text; marks stay with them, a mark that stands alone is none. */
export function wordsOf(text) {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
}

function fromJson(text) {
  let whole;
  try {
    whole = JSON.parse(text);
  } catch (error) {
    const lines = text.split('\n');
    // One object a line is JSONL; anything else is one broken document, whose own place is the better one.
    if (lines.filter((line) => line.trim()).length > 1 && /^\s*\{.*\}\s*,?\s*$/.test(lines.find((line) => line.trim()))) {
      return fromLines(lines);
    }
    throw new DialogueError('notJson', { line: lineOf(error, text) });
  }
  if (!Array.isArray(whole)) return [fromRecord(whole, {})];
  if (!whole.length) throw new DialogueError('empty');
  if (whole.every(isMessage)) return [joined(fromMessages(whole, {}))];
  return whole.map((record, index) => fromRecord(record, { dialogue: index + 1 }));
}

function isMessage(item) {
  return item !== null && typeof item === 'object' && ('role' in item || 'speaker' in item);
}

function fromLines(lines) {
  const dialogues = [];
  const messages = [];
  for (const [index, line] of lines.entries()) {
    if (!line.trim()) continue;
    const place = { line: index + 1 };
    let record;
    try {
      record = JSON.parse(line);
    } catch {
      throw new DialogueError('notJson', place);
    }
    if (isMessage(record)) messages.push(...fromMessages([record], place));
    else dialogues.push(fromRecord(record, place));
  }
  if (messages.length) dialogues.push(joined(messages));
  return dialogues;
}

function fromRecord(record, place) {
  if (record === null || typeof record !== 'object' || Array.isArray(record)) throw new DialogueError('shape', place);
  if (Array.isArray(record.messages)) return joined(fromMessages(record.messages, place));
  if (Array.isArray(record.turns) && record.turns.some((turn) => typeof turn !== 'string')) {
    return joined(fromMessages(record.turns, place));
  }
  const lines = Array.isArray(record.turns) ? record.turns
    : typeof record.conversation === 'string' ? record.conversation.split('\n') : null;
  if (lines === null) throw new DialogueError('shape', place);
  const spoken = lines.map((line) => line.replace(LEADING_DASH, '').trim()).filter((line) => wordsOf(line).length);
  // Nobody knows who speaks: as in evaluation, every turn after the first answers the one before it.
  const turns = spoken.map((text, index) => ({ role: index % 2 ? CLIENT : AGENT, text, words: null }));
  return { turns, rolesAreGuessed: true };
}

function fromMessages(messages, place) {
  const turns = [];
  let lastStartS = 0;
  for (const [index, message] of messages.entries()) {
    const at = { ...place, message: index + 1 };
    const named = message?.role ?? message?.speaker;
    if (typeof named !== 'string') throw new DialogueError('role', at);
    const name = named.trim().toLowerCase();
    if (SILENT.has(name)) continue;
    const role = ROLES.get(name);
    if (role === undefined) throw new DialogueError('role', at);
    const content = message.content ?? message.text ?? message.transcript ?? null;
    if (content !== null && typeof content !== 'string') throw new DialogueError('content', at);
    const words = 'words' in message && message.words !== null ? timedWords(message.words, at) : null;
    if (words === null && content === null) continue; // tool calls carry no text
    if (words !== null && words.length) {
      if (words[0].startS < lastStartS) throw new DialogueError('timesBack', at);
      lastStartS = words[0].startS;
    }
    const text = words === null ? content.trim() : words.map((word) => word.text).join(' ');
    if (wordsOf(text).length) turns.push({ role, text, words });
  }
  return turns;
}

function timedWords(words, at) {
  if (!Array.isArray(words)) throw new DialogueError('words', at);
  let before = 0;
  return words.map((word) => {
    const text = word?.text ?? word?.word;
    const startS = word?.start, endS = word?.end;
    if (typeof text !== 'string' || !Number.isFinite(startS) || !Number.isFinite(endS)) throw new DialogueError('words', at);
    if (startS < 0 || endS < startS || startS < before - OVERLAP_S) throw new DialogueError('timesBack', at);
    const timed = { text: text.trim(), startS: Math.max(startS, before), endS: Math.max(endS, before) };
    before = timed.endS;
    return timed;
  }).filter((word) => wordsOf(word.text).length);
}

function fromLabelled(text) {
  const lines = text.split(/\r?\n/);
  if (lines.every((line) => !line.trim() || (LEADING_DASH.test(line) && !labelOf(line)))) {
    return fromRecord({ conversation: text }, {});
  }
  const turns = [];
  for (const [index, line] of lines.entries()) {
    if (!line.trim()) continue;
    const label = labelOf(line);
    const role = label && ROLES.get(label[1].toLowerCase());
    if (role) turns.push({ role, text: label[2].trim(), words: null });
    else if (!label && turns.length) turns.at(-1).text += ` ${line.trim()}`; // a long turn, broken into lines
    else throw new DialogueError('label', { line: index + 1 });
  }
  return joined(turns.filter((turn) => wordsOf(turn.text).length));
}

/** Label and words of a line such as «бот: Алло», or null. */
function labelOf(line) {
  return LABEL.exec(line.replace(STAMP, ''));
}

/** Neighbouring messages of one role are one turn: who sends two in a row had not finished with the first. */
function joined(messages) {
  const turns = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (last?.role !== message.role) {
      turns.push({ ...message });
      continue;
    }
    // A part without times would leave the turn half measured.
    last.words = last.words && message.words ? [...last.words, ...message.words] : null;
    last.text = `${last.text} ${message.text}`;
  }
  return { turns, rolesAreGuessed: false };
}

/** The line that the browser's JSON reader stumbled over, from 1, or null where it does not say. */
function lineOf(error, text) {
  const line = /line (\d+)/.exec(error.message);
  if (line) return Number(line[1]);
  const position = /position (\d+)/.exec(error.message);
  if (position) return text.slice(0, Number(position[1])).split('\n').length;
  return /end of|Unexpected end/i.test(error.message) ? text.split('\n').length : null;
}
