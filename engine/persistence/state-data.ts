/**
 * What `bot_state.state_data` holds: what the bot's fills add up to (written with the fills, checked against them at recovery), a
 * checkpoint of that sum, the day's start, and what a trader asked for. The fills are the truth; the sums only save work.
 */
import { Decimal } from 'decimal.js';
import { nothingFolded } from '../trading/fold.ts';
import type { Folded } from '../trading/fold.ts';
import type { DayNotice, Position, SaleBounds, StoredDay } from '../trading/state.ts';

export interface StateData {
  readonly position: Position;
  readonly realisedTotal: Decimal;
  readonly day: StoredDay | null;
  /** Notices of this day and the one before; each becomes an outbox event when it is first written into the row. */
  readonly notices: readonly DayNotice[];
  /** As last seen, quote; null when unknown. */
  readonly lastPrice: number | null;
  /** When that was, venue time, ms; null when unknown. */
  readonly lastPriceAtMs: number | null;
  /** Best price since entry, quote; null when flat or unknown. */
  readonly bestPrice: number | null;
  /** Why a trader paused entries; null when they are not paused. */
  readonly pausedReason: string | null;
  /** Why nothing is entered until a user has looked and resumes; null when nothing is held back. */
  readonly heldReason: string | null;
  /** The close that somebody asked for and that has not come to its end; null when none. */
  readonly closing: RequestedClose | null;
  /** From where recovery reads fills; null while it reads all. */
  readonly checkpoint: Checkpoint | null;
}

/** What the bot's fills up to one of their rows add up to. No rule looks at the round trips before it any more. */
export interface Checkpoint {
  readonly throughFillId: string;
  readonly folded: Folded;
}

/** Kept until the position is flat, so that a close is not forgotten when an engine ends before it has placed the order. */
export interface RequestedClose {
  readonly reason: string;
  readonly decisionMs: number;
  /** Of the position that it is about; null when that was still being entered. */
  readonly openedAtMs: number | null;
}

interface PositionJson {
  readonly quantity: string;
  readonly cost: string;
  readonly entryFees: string;
  readonly openedAtMs: number | null;
  readonly openedUnder?: SaleBoundsJson | null;
}

/** As in `SaleBounds`. */
export interface SaleBoundsJson {
  readonly leastQuantity: string;
  readonly step: string;
  readonly leastWorth: string | null;
}

export interface StateDataJson {
  readonly position?: PositionJson;
  readonly realisedTotal?: string;
  /** Whose money the bot's fills moved last, and in which asset. */
  readonly funds?: { readonly account: string; readonly asset: string };
  /** `equity` is the latest that the owner knew, quote. */
  readonly day?: {
    readonly startMs: number;
    readonly startEquity: string;
    readonly equity?: string;
    readonly capital?: string;
    readonly lossReached?: boolean;
  } | null;
  readonly notices?: readonly DayNotice[];
  readonly lastPrice?: number | null;
  readonly lastPriceAtMs?: number | null;
  readonly bestPrice?: number | null;
  readonly pausedReason?: string | null;
  readonly heldReason?: string | null;
  readonly closing?: RequestedClose | null;
  /** The exchange's orders until then (venue time, ms) are in the rows. */
  readonly comparedThroughMs?: number;
  readonly checkpoint?: {
    readonly throughFillId: string;
    readonly position: PositionJson;
    readonly realisedTotal: string;
    readonly baseFeeShare: number | null;
  };
}

export function readStateData(json: StateDataJson): StateData {
  const { position, day, checkpoint } = json;
  return {
    position: readPosition(position),
    realisedTotal: new Decimal(json.realisedTotal ?? 0),
    day:
      day === null || day === undefined
        ? null
        : {
            startMs: day.startMs,
            startEquity: new Decimal(day.startEquity),
            capital: day.capital === undefined ? null : new Decimal(day.capital),
            lossReached: day.lossReached === true,
          },
    notices: json.notices ?? [],
    lastPrice: json.lastPrice ?? null,
    lastPriceAtMs: json.lastPriceAtMs ?? null,
    bestPrice: json.bestPrice ?? null,
    pausedReason: json.pausedReason ?? null,
    heldReason: json.heldReason ?? null,
    closing: json.closing ?? null,
    checkpoint:
      checkpoint === undefined
        ? null
        : {
            throughFillId: checkpoint.throughFillId,
            folded: {
              ...nothingFolded,
              position: readPosition(checkpoint.position),
              realisedTotal: new Decimal(checkpoint.realisedTotal),
              baseFeeShare: checkpoint.baseFeeShare,
            },
          },
  };
}

function readPosition(json: PositionJson | undefined): Position {
  return {
    quantity: new Decimal(json?.quantity ?? 0),
    cost: new Decimal(json?.cost ?? 0),
    entryFees: new Decimal(json?.entryFees ?? 0),
    openedAtMs: json?.openedAtMs ?? null,
    openedUnder: readSaleBounds(json?.openedUnder ?? null),
  };
}

export function readSaleBounds(json: SaleBoundsJson | null): SaleBounds | null {
  if (json === null) return null;
  const { leastQuantity, step, leastWorth } = json;
  return {
    leastQuantity: new Decimal(leastQuantity),
    step: new Decimal(step),
    leastWorth: leastWorth === null ? null : new Decimal(leastWorth),
  };
}

export function writeSaleBounds({ leastQuantity, step, leastWorth }: SaleBounds): SaleBoundsJson {
  return { leastQuantity: leastQuantity.toFixed(), step: step.toFixed(), leastWorth: leastWorth?.toFixed() ?? null };
}

export function writeCheckpoint({ throughFillId, folded }: Checkpoint): NonNullable<StateDataJson['checkpoint']> {
  const { position, realisedTotal, baseFeeShare } = folded;
  return { throughFillId, position: writePosition(position), realisedTotal: realisedTotal.toFixed(), baseFeeShare };
}

export function writePosition(position: Position): PositionJson {
  return {
    quantity: position.quantity.toFixed(),
    cost: position.cost.toFixed(),
    entryFees: position.entryFees.toFixed(),
    openedAtMs: position.openedAtMs,
    openedUnder: position.openedUnder === null ? null : writeSaleBounds(position.openedUnder),
  };
}
