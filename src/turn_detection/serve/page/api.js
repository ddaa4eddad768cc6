// The only place that talks to the server: settings, batches, calls on the WebSocket, the token, and whether the server is there.

import { kept } from './dom.js';

const TOKEN_KEY = 'turn-detection.token';
const SUBPROTOCOL = 'turn-detection.v1';
/** Milliseconds between attempts to reach a server that is gone: doubled each time, up to the last. */
const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 6000;
/** Every transcript is answered; a server that is silent for so long is as good as gone. */
const ANSWER_MS = 6000;
/** Items of one request: few, so that a long list leaves room for others and even a slow server answers in time. */
const BATCH = 16;
const ATTEMPTS = 4;

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

const backoffMs = (attempt) => Math.min(FIRST_RETRY_MS * 2 ** attempt, LAST_RETRY_MS) * (0.75 + Math.random() / 2);

/** The token's UTF-8 bytes as the characters that headers and btoa take. */
const asBytes = (token) => String.fromCharCode(...new TextEncoder().encode(token));
const asProtocol = (token) =>
  `bearer.${btoa(asBytes(token)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;

/**
 * @param {{base?: URL, askToken: (wasWrong: boolean) => Promise<string>}} options where the server is (beside the page), and who
 *     asks the reader for its token
 */
export function createApi({ base = new URL('.', document.baseURI), askToken }) {
  const listeners = new Set();
  const waiting = new Set(); // calls that connect again when the server is back
  let token = kept.get(() => sessionStorage, TOKEN_KEY);
  let status = 'connecting';
  let known = null; // promise of the settings
  let asking = null; // promise of the token
  let probing = false;

  function setStatus(next) {
    if (next === status) return;
    const before = status;
    if (before === 'gone') known = null; // another server may have come back
    status = next;
    for (const listener of listeners) listener(next);
    if (next === 'online' && (before === 'gone' || before === 'token')) for (const wake of [...waiting]) wake();
  }

  async function askedToken() {
    asking ??= (async () => {
      const wasWrong = token !== null;
      setStatus('token');
      token = await askToken(wasWrong);
      kept.set(() => sessionStorage, TOKEN_KEY, token);
    })().finally(() => (asking = null));
    return asking;
  }

  async function request(path, { method = 'GET', body, signal } = {}) {
    for (;;) {
      const headers = {};
      if (body !== undefined) headers['Content-Type'] = 'application/json';
      if (token !== null) headers.Authorization = `Bearer ${asBytes(token)}`;
      const sentWith = token;
      let response;
      try {
        response = await fetch(new URL(path, base), { method, headers, body, signal, cache: 'no-store' });
      } catch (error) {
        if (signal?.aborted) throw error;
        lost();
        throw new ApiError('the server cannot be reached', 0);
      }
      if (response.status !== 401) {
        // What a server answers that is about to stop says nothing; and only a call that is taken ends "busy".
        if (!probing && status !== 'busy') setStatus('online');
        return response;
      }
      // Several requests may be refused at once; the token is asked for once.
      if (sentWith === token) await askedToken();
    }
  }

  /** The server does not answer: ask for a sign of life until there is one. */
  async function lost() {
    setStatus('gone');
    if (probing) return;
    probing = true;
    for (let attempt = 0; ; attempt += 1) {
      await sleep(backoffMs(attempt));
      try {
        const response = await fetch(new URL('healthz', base), { cache: 'no-store' });
        if (response.ok) break;
      } catch {
        // Still gone.
      }
    }
    probing = false;
    known = null;
    await settings().catch(() => undefined); // tells online, or asks for the token
  }

  async function answer(response) {
    const content = await response.json().catch(() => ({}));
    if (response.ok) return content;
    const { detail } = content;
    const told = Array.isArray(detail) ? detail.map((fault) => `${fault.loc.join('.')}: ${fault.msg}`).join('; ') : detail;
    throw new ApiError(told || `status ${response.status}`, response.status);
  }

  function settings() {
    known ??= request('v1/settings').then(answer);
    known.catch(() => (known = null));
    return known;
  }

  /** One request; a busy server is asked again. */
  async function judged(items, { signal, threshold }) {
    const body = JSON.stringify(threshold === undefined ? { items } : { items, threshold });
    for (let attempt = 1; ; attempt += 1) {
      const response = await request('v1/predict/batch', { method: 'POST', body, signal });
      if (response.status === 503 && attempt < ATTEMPTS) {
        await sleep(1000 * Number(response.headers.get('Retry-After') || 1), signal);
        continue;
      }
      const { predictions } = await answer(response);
      return predictions.map(({ eot_probability: p, label, delay_s, threshold: limit }) => ({
        p,
        label,
        delay_s,
        threshold: limit,
      }));
    }
  }

  async function predictBatch(items, { signal, threshold, onProgress } = {}) {
    const { limits } = await settings();
    let size = Math.min(BATCH, limits.max_batch_items);
    const found = [];
    for (let first = 0; first < items.length; ) {
      let last = Math.min(first + size, items.length);
      const nBytes = () => new TextEncoder().encode(JSON.stringify(items.slice(first, last))).length + 100;
      while (last - first > 1 && nBytes() > limits.max_body_bytes) last = first + Math.ceil((last - first) / 2);
      try {
        found.push(...(await judged(items.slice(first, last), { signal, threshold })));
      } catch (error) {
        if (error.status !== 504 || last - first === 1) throw error;
        size = Math.ceil((last - first) / 2); // too much for the server's deadline
        continue;
      }
      first = last;
      onProgress?.(first, items.length);
    }
    return found;
  }

  /** One call on the WebSocket; connects again by itself, and tells onState when, so that its owner can say again what holds. */
  function stream({ start = {}, onEvent, onState }) {
    let socket = null;
    let state = 'closed';
    let ended = false;
    let attempt = 0;
    let unanswered = null;

    const tell = (next) => {
      if (next === state) return;
      state = next;
      onState?.(next);
    };

    const answered = () => {
      clearTimeout(unanswered);
      unanswered = null;
    };

    function connect() {
      if (ended || socket !== null) return;
      tell('connecting');
      const address = new URL('v1/stream', base);
      address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
      const mine = new WebSocket(address, token === null ? [SUBPROTOCOL] : [SUBPROTOCOL, asProtocol(token)]);
      socket = mine;
      let opened = false;
      mine.onopen = () => {
        opened = true;
        attempt = 0;
        mine.send(JSON.stringify({ type: 'start', ...start }));
        setStatus('online');
        tell('open');
      };
      mine.onmessage = ({ data }) => {
        answered();
        if (socket === mine) onEvent(JSON.parse(data));
      };
      mine.onclose = ({ code }) => {
        if (socket !== mine) return;
        socket = null;
        answered();
        // 1000: idle for too long. The next frame opens the call again.
        const idle = opened && code === 1000;
        tell(idle ? 'idle' : 'closed');
        if (!ended && !idle) again(opened);
      };
    }

    /** The browser does not say why a WebSocket failed; a request does. */
    async function again(opened) {
      try {
        if (opened) known = null;
        await (opened ? settings() : request('v1/settings').then(answer));
      } catch {
        return; // gone, or busy asking for the token: woken when the server is online
      }
      if (!opened) setStatus(attempt > 0 ? 'busy' : 'connecting');
      await sleep(backoffMs(attempt));
      attempt += 1;
      connect();
    }

    waiting.add(connect);
    settings().then(connect, () => undefined); // by then the token is there
    return {
      get open() {
        return state === 'open';
      },
      /** False if there is no connection; the frame is then lost, and onState says when to begin again. */
      send(frame) {
        if (state !== 'open') {
          if (status === 'online') connect();
          return false;
        }
        socket.send(JSON.stringify(frame));
        if ((frame.type === 'partial' || frame.type === 'final') && unanswered === null) {
          const mine = socket;
          unanswered = setTimeout(() => {
            mine.onclose({ code: 1006 });
            mine.close();
          }, ANSWER_MS);
        }
        return true;
      },
      close() {
        ended = true;
        waiting.delete(connect);
        answered();
        socket?.close(1000);
        socket = null;
        tell('closed');
      },
    };
  }

  return {
    get status() {
      return status;
    },
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    settings,
    policy: async () => (await settings()).policy,
    predictBatch,
    stream,
  };
}
