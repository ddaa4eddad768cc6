/**
 * The policy as lines to paste: for the server, LiveKit Agents and Pipecat. Tests read every one of them with the real parts.
 *
 * The server's settings have no key for a policy's threshold, so a threshold other than the default goes by `policy_file`.
 */

import { DEFAULT_POLICY } from './simulate.js';

/** `[{id, name, text}]`: blocks of one target, each to be copied on its own; `file` is the name to save it under. */
export function settingsFor(target, policy) {
  return { serve, livekit, pipecat }[target](policy);
}

export const TARGETS = Object.freeze(['serve', 'livekit', 'pipecat']);

/** What `turn_detection.policy_file.load_policy` reads. */
function policyFile(policy) {
  const { min_delay_s, max_delay_s, threshold, gamma, mode } = policy;
  return `${JSON.stringify({ policy: { min_delay_s, max_delay_s, threshold, gamma, mode } }, null, 2)}\n`;
}

function serve(policy) {
  const keys = policy.threshold === DEFAULT_POLICY.threshold
    ? { min_delay_s: policy.min_delay_s, max_delay_s: policy.max_delay_s, gamma: policy.gamma, delay_mode: policy.mode }
    : { policy_file: 'policy.json' };
  const all = Object.entries({ threshold: policy.threshold, ...keys });
  const blocks = [
    { id: 'yaml', text: all.map(([key, value]) => `${key}: ${value}\n`).join('') },
    { id: 'command', text: `python -m turn_detection.serve ${all.map(([key, value]) => `--serve.${key}=${value}`).join(' ')}\n` },
    { id: 'policy', text: policyFile(policy), file: 'policy.json' },
  ];
  return 'policy_file' in keys ? [blocks[2], blocks[0], blocks[1]] : blocks;
}

function livekit(policy) {
  const low = `"min_delay": ${policy.min_delay_s}, "max_delay": ${policy.max_delay_s}`;
  if (policy.mode === 'binary') {
    return [{
      id: 'python',
      text: `from livekit.agents import AgentSession
from livekit.plugins.ru_turn_detector import RussianTurnDetector

session = AgentSession(
    # stt=..., llm=..., tts=..., vad=...,
    turn_handling={
        "turn_detection": RussianTurnDetector(threshold=${policy.threshold}),
        "endpointing": {"mode": "fixed", ${low}},
    },
)
`,
    }];
  }
  return [{
    id: 'python',
    text: `from livekit.agents import AgentSession
from turn_detection import EndpointingPolicy
from livekit.plugins.ru_turn_detector import RussianTurnDetector

policy = EndpointingPolicy(${keywords(policy)})
detector = RussianTurnDetector(policy=policy)
session = AgentSession(
    # stt=..., llm=..., tts=..., vad=...,
    turn_handling={"turn_detection": detector},
)
detector.use_continuous_delays(session)
`,
  }];
}

function pipecat(policy) {
  return [{
    id: 'python',
    text: `from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from turn_detection import EndpointingPolicy
from turn_detection.plugins.pipecat import RussianTurnStopStrategy

context = LLMContext()
policy = EndpointingPolicy(${keywords(policy)})
strategies = UserTurnStrategies(stop=[RussianTurnStopStrategy(context=context, policy=policy)])
# LLMContextAggregatorPair(context, user_params=LLMUserAggregatorParams(user_turn_strategies=strategies, ...))
`,
  }];
}

function keywords({ min_delay_s, max_delay_s, threshold, gamma, mode }) {
  return `min_delay_s=${min_delay_s}, max_delay_s=${max_delay_s}, threshold=${threshold}, gamma=${gamma}, mode="${mode}"`;
}
