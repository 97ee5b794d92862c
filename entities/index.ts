/** All tables. */
export { ApiKey } from './api-key.ts';
export { ApiToken } from './api-token.ts';
export { AuditLog } from './audit-log.ts';
export { Backtest } from './backtest.ts';
export { BotCommand } from './bot-command.ts';
export { BotConfig } from './bot-config.ts';
export { BotState } from './bot-state.ts';
export { Fill } from './fill.ts';
export { Installation } from './installation.ts';
export { KillSwitch } from './kill-switch.ts';
export { Order } from './order.ts';
export { OutboxEvent } from './outbox-event.ts';
export { Trade } from './trade.ts';
export { User } from './user.ts';
