// The silence that is left, as an arc: its length is in seconds, the whole circle is the longest delay of the policy.

import { svg } from './dom.js';

const RADIUS = 88;
const LENGTH = 2 * Math.PI * RADIUS;

/** {node, show(seconds, ofSeconds, tone)}; tone: 'idle', 'speak', 'wait' or 'bot'. */
export function createRing() {
  const arc = svg('circle', { class: 'ring-arc', cx: 100, cy: 100, r: RADIUS });
  const node = svg(
    'svg',
    { class: 'ring', viewBox: '0 0 200 200', 'aria-hidden': 'true', focusable: 'false' },
    svg('circle', { class: 'ring-track', cx: 100, cy: 100, r: RADIUS }),
    arc,
  );
  return {
    node,
    show(seconds, ofSeconds, tone) {
      const share = Math.min(Math.max(seconds / ofSeconds, 0), 1);
      const shown = share * LENGTH;
      // An empty arc with round ends would still be a dot.
      arc.setAttribute('visibility', shown > 0.5 ? 'visible' : 'hidden');
      arc.setAttribute('stroke-dasharray', `${shown.toFixed(1)} ${LENGTH.toFixed(1)}`);
      node.dataset.tone = tone;
      node.dataset.left = seconds.toFixed(3);
    },
  };
}
