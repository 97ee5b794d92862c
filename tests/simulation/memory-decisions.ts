/** The decision ledger's rows in memory. Schedules keep none (`noLedger`); tests of the buffer stand on it. */
import type { DecisionRow, DecisionStore } from '../../engine/persistence/decision-store.ts';

export function createMemoryDecisionStore(): DecisionStore {
  const rows = new Map<string, DecisionRow>();
  const ofBot = (botId: string): DecisionRow[] => [...rows.values()].filter((row) => row.settings.botId === botId).sort(byClose);
  return {
    async append(added) {
      for (const row of added) {
        const key = `${row.settings.botId} ${row.closeMs}`;
        if (!rows.has(key)) rows.set(key, row);
      }
    },
    async prune(beforeMs, most) {
      const old = [...rows].filter(([, row]) => row.closeMs < beforeMs).sort(([, a], [, b]) => byClose(a, b));
      const due = old.slice(0, most);
      for (const [key] of due) rows.delete(key);
      return due.length;
    },
    async page({ botId, fromMs, toMs, limit }) {
      const within = ofBot(botId).filter((row) => row.closeMs >= fromMs && row.closeMs <= toMs);
      return within.reverse().slice(0, limit);
    },
    async next(botId, afterMs) {
      return ofBot(botId).find((row) => row.closeMs > afterMs) ?? null;
    },
  };
}

const byClose = (a: DecisionRow, b: DecisionRow): number => a.closeMs - b.closeMs;
