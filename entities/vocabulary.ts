/** Closed sets that columns are checked against. */
export { timeframes } from '../engine/trading/candle.ts';
export { markets, venues } from '../engine/trading/bot-columns.ts';
export { exitKinds } from '../engine/trading/state.ts';
export { killPolicies, killScopes } from '../engine/kill-switch/kill-switch.ts';

export const sides = ['BUY', 'SELL'] as const;
export const orderTypes = ['MARKET', 'LIMIT', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'] as const;
export const orderRoles = ['entry', 'exit', 'stop', 'target'] as const;
/** States of an intent that is not over. */
export const openOrderStates = ['intended', 'unknown', 'accepted'] as const;
/** Life of an intent. */
export const orderStates = [...openOrderStates, 'filled', 'cancelled', 'expired', 'rejected', 'never-placed'] as const;
export const botCommandNames = ['start', 'stop', 'pause-entries', 'resume', 'close-position'] as const;
/** How a command ended that did not expire. */
export const commandFates = ['done', 'refused'] as const;
