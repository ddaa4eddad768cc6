// EndpointingPolicy.delay_s of the package, for drawing; what the server says is what holds.

const logOdds = (p) => (p > 0 && p < 1 ? Math.log(p) - Math.log1p(-p) : p < 0.5 ? -Infinity : Infinity);

/** Suggested silence in seconds at probability p. */
export function delayS(policy, p) {
  const { min_delay_s: min, max_delay_s: max, threshold, gamma, mode } = policy;
  if (mode === 'binary') return p >= threshold ? min : max;
  if (p <= 0 || p >= 1) return p > 0 ? min : max;
  const low = Math.log(min);
  const high = Math.log(max);
  const logDelay = (low + high) / 2 + gamma * (logOdds(threshold) - logOdds(p));
  return Math.min(Math.max(Math.exp(Math.min(Math.max(logDelay, low), high)), min), max);
}
