/** The table's columns and the tests of what they do: none is forgotten. */
import { EntitySchema } from '@mikro-orm/core';
import { expect, it } from 'vitest';
import { BotConfig } from '../../../entities/bot-config.ts';
import { columnCases } from '../trading/column-cases.ts';

/** Whose the bot is, whether and where it runs, and when the row changed: the supervisor and the API read these, decisions do not. */
const notTrading = ['id', 'user', 'isActive', 'apiKey', 'mode', 'venue', 'version', 'deletedAt', 'createdAt', 'updatedAt'];
/** `columns.test.ts` shows that they change nothing on spot. */
const ofFutures = ['transferAmount', 'autoTransferFunds', 'marginType'];

it('each column of a bot has a case that shows what it decides, or is known to decide nothing', () => {
  const columns = Object.keys(EntitySchema.REGISTRY.get(BotConfig)?.meta.properties ?? {});
  expect(columns.sort()).toEqual([...Object.keys(columnCases), ...notTrading, ...ofFutures].sort());
});
