/** All tables. */
export { AccountCapital } from './account-capital.ts';
export { AccountLimits } from './account-limits.ts';
export { ApiKey } from './api-key.ts';
export { ApiToken } from './api-token.ts';
export { AuditLog } from './audit-log.ts';
export { Backtest } from './backtest.ts';
export { BotCommand } from './bot-command.ts';
export { BotConfig } from './bot-config.ts';
export { BotState } from './bot-state.ts';
export { DecisionSettings } from './decision-settings.ts';
export { Decision } from './decision.ts';
export { Fill } from './fill.ts';
export { Installation } from './installation.ts';
export { Order } from './order.ts';
export { OutboxEvent } from './outbox-event.ts';
export { Trade } from './trade.ts';
export { User } from './user.ts';
