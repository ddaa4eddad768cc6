/**
 * What a policy does with pauses: pure functions, no page, no server. Times are seconds.
 *
 * `delayS` is `EndpointingPolicy.delay_s` of the Python package; a test compares the two on a grid.
 */

import { delayS } from './policy.js';

export { delayS };

/** Shorter gaps between words are no pauses (`held_out.MIN_PAUSE_S`). */
export const MIN_PAUSE_S = 0.2;
/** Silence timers to compare with, seconds. */
export const TIMERS_S = Object.freeze([0.5, 0.7, 1.0]);
/** `EndpointingPolicy()`. */
export const DEFAULT_POLICY = Object.freeze({
  min_delay_s: 0.3, max_delay_s: 2.5, threshold: 0.5, gamma: 0.4, mode: 'continuous',
});

/** A policy that waits the same at every pause. */
export function timerPolicy(seconds) {
  return { min_delay_s: seconds, max_delay_s: seconds, threshold: 0, gamma: 0.4, mode: 'binary' };
}

/** What is wrong with a policy: a key for the page's words, or null. The rules are those of `EndpointingPolicy`. */
export function policyFault(policy) {
  const numbers = [policy.min_delay_s, policy.max_delay_s, policy.threshold, policy.gamma];
  if (!numbers.every((value) => Number.isFinite(value) && value >= 0) || policy.threshold > 1) return 'range';
  if (policy.mode !== 'continuous' && policy.mode !== 'binary') return 'mode';
  if (policy.min_delay_s > policy.max_delay_s) return 'order';
  if (policy.mode === 'continuous' && !(policy.min_delay_s > 0 && policy.gamma > 0)) return 'range';
  return null;
}

/**
 * What a policy comes to at one moment.
 *
 * @param moment `{startS, pauseS, p}`: the caller fell silent at `startS`; `pauseS` is null at the end of a turn.
 * @returns `{delayS, spokeAtS, cut}`; `spokeAtS` is null where the caller went on first.
 */
export function outcome(policy, moment) {
  const delay = delayS(policy, moment.p);
  const isEnd = moment.pauseS === null;
  const speaks = isEnd || moment.pauseS > delay;
  return { delayS: delay, spokeAtS: speaks ? moment.startS + delay : null, cut: speaks && !isEnd };
}

/**
 * Cut-offs and waits over moments.
 *
 * @returns `{nPauses, nCut, nEnds, perPause, meanDelayS}`; the last two are null where there is nothing to count.
 */
export function totals(policy, moments) {
  let nPauses = 0, nCut = 0, nEnds = 0, waitedS = 0;
  for (const moment of moments) {
    const { delayS: delay, cut } = outcome(policy, moment);
    if (moment.pauseS === null) {
      nEnds += 1;
      waitedS += delay;
    } else {
      nPauses += 1;
      nCut += Number(cut);
    }
  }
  return {
    nPauses, nCut, nEnds,
    perPause: nPauses ? nCut / nPauses : null,
    meanDelayS: nEnds ? waitedS / nEnds : null,
  };
}

/** What was heard up to `nowS`: pauses that have ended, ends whose silence has been waited for by `policy`. */
export function heardBy(policy, moments, nowS) {
  return moments.filter((moment) =>
    moment.pauseS === null ? moment.startS + delayS(policy, moment.p) <= nowS : moment.startS + moment.pauseS <= nowS);
}

/** `[delay_s, per_pause]` rows of policies, those only that no other beats in both, by rising delay. */
export function paretoLine(policies, moments) {
  const rows = policies.map((policy) => totals(policy, moments))
    .filter((sums) => sums.perPause !== null && sums.meanDelayS !== null)
    .map((sums) => [sums.meanDelayS, sums.perPause])
    .sort((left, right) => left[0] - right[0] || left[1] - right[1]);
  let least = Infinity;
  return rows.filter(([, cutoffs]) => {
    const kept = cutoffs < least;
    least = Math.min(least, cutoffs);
    return kept;
  });
}

/** The silence timers of the curve: 0.2 to 3.5 s in steps of 50 ms. */
export function timerPolicies() {
  return Array.from({ length: 67 }, (_, step) => timerPolicy(Math.round(200 + 50 * step) / 1000));
}

/** The policy with every threshold of .01 to .99. */
export function thresholdSweep(policy) {
  return Array.from({ length: 99 }, (_, step) => ({ ...policy, threshold: (step + 1) / 100 }));
}

/** Times at which something happens for the eye: a word ends, a pause ends, the policy speaks. Rising, at least 20 ms apart. */
export function stepTimes(policy, turns, moments) {
  const times = turns.flatMap((turn) => turn.words.map((word) => word.endS));
  for (const moment of moments.filter(({ isPause, isEnd }) => isPause || isEnd)) {
    const { spokeAtS } = outcome(policy, moment);
    if (spokeAtS !== null) times.push(spokeAtS);
    if (moment.pauseS !== null) times.push(moment.startS + moment.pauseS);
  }
  times.sort((left, right) => left - right);
  return times.filter((time, index) => index === 0 || time - times[index - 1] >= 0.02);
}

/**
 * What there is to see at a time.
 *
 * @returns `{speaker, moment, silenceS, delayS, verdict}`: who speaks ("agent", "client" or null), the newest of the caller's moments in
 *   his current or last turn, and in a silence after his words how long it has lasted, what the policy waits, and "waiting" or "spoke".
 */
export function stateAt(policy, turns, moments, nowS) {
  const speaking = turns.findLast((turn) => turn.words.some((word) => word.startS <= nowS && nowS < word.endS));
  const begun = turns.findLast((turn) => turn.words[0].startS <= nowS);
  const moment = moments.findLast(({ startS }) => startS <= nowS) ?? null;
  const isOver = moment !== null && turns.indexOf(begun) > moment.turn;
  if (moment === null || isOver || speaking) {
    return { speaker: speaking?.role ?? null, moment: isOver ? null : moment, silenceS: null, delayS: null, verdict: null };
  }
  const wait = delayS(policy, moment.p);
  const silence = nowS - moment.startS;
  return { speaker: null, moment, silenceS: silence, delayS: wait, verdict: silence >= wait ? 'spoke' : 'waiting' };
}
