/**
 * User data over the WebSocket API: one signed subscription that is made anew after every
 * reconnect. Nothing is replayed: on each new subscription the listener reads history.
 */
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { Clock, VenueClock } from '../../time/clock.ts';
import type { ExchangeFill, ExchangeOrder, UserEvent, UserEventListener } from '../exchange.ts';
import type { OrderType } from '../../trading/instrument.ts';
import type { RequestGate } from '../request-gate.ts';
import type { StreamSocket } from '../socket.ts';
import { parseJson } from './json.ts';
import { signParameters } from './signing.ts';
import type { Signer } from './signing.ts';
import { MalformedAnswer, NoPrice, amount, fields, id, price, rows, side, status, text, time } from './wire.ts';
import type { Fields } from './wire.ts';

export interface UserStreamOptions {
  readonly signer: Signer;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly gate: Pick<RequestGate, 'silenceRefusal'>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Opens the socket; its three callbacks are given. */
  openSocket(handlers: {
    readonly onOpen: () => void;
    readonly onMessage: (text: string) => void;
    readonly onClose: (reason: string) => void;
  }): StreamSocket;
}

const subscribeRecvWindowMs = 5_000;

export function listenToUserData(options: UserStreamOptions, listener: UserEventListener): { stop(): Promise<void> } {
  const { signer, clock, venueClock, gate, log } = options;
  let subscription = 0;
  let subscribed = false;
  let stopped = false;
  const lose = (reason: string): void => {
    if (subscribed) listener.onLost(reason);
    subscribed = false;
  };
  const socket: StreamSocket = options.openSocket({
    onOpen() {
      subscription += 1;
      subscribe(subscription);
    },
    onMessage(message) {
      const frame = parseJson(message);
      if (typeof frame !== 'object' || frame === null) {
        log.warn({ component: 'user-stream' }, 'a frame that is no JSON object was passed over');
        return;
      }
      const { id: answered, status: answerStatus, event } = frame as Fields;
      if (typeof event === 'object' && event !== null) onEvent(event as Fields);
      else if (answered === String(subscription)) onAnswer(answerStatus === 200, frame as Fields);
    },
    onClose: lose,
  });
  socket.start();

  /** A subscription is a request: while the venue wants no requests, it waits on the open socket. */
  function subscribe(wanted: number): void {
    if (wanted !== subscription || stopped) return;
    const silence = gate.silenceRefusal();
    if (silence !== null) {
      clock.after(Math.max(1, silence.retryAfterMs ?? 0), () => subscribe(wanted));
      return;
    }
    const params = signParameters({ timestamp: Math.floor(venueClock.now()), recvWindow: subscribeRecvWindowMs }, signer);
    socket.send(JSON.stringify({ id: String(wanted), method: 'userDataStream.subscribe.signature', params }));
  }

  function onAnswer(ok: boolean, frame: Fields): void {
    if (ok) {
      subscribed = true;
      listener.onSubscribed();
      return;
    }
    log.error({ component: 'user-stream', error: frame['error'] }, 'the exchange refused the user data subscription; dialling again');
    // The reason is often that our clock is off.
    void venueClock.resync().then(() => socket.reconnect('subscription refused'));
  }

  function onEvent(event: Fields): void {
    if (event['e'] === 'serverShutdown' || event['e'] === 'eventStreamTerminated') {
      socket.reconnect(String(event['e']));
      return;
    }
    try {
      const told = readUserEvent(event);
      if (told !== null) listener.onEvent(told);
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error;
      if (error instanceof NoPrice) options.metrics.pricesRejected.inc({ source: 'user-stream' });
      // Its fill is not lost: history is audited, and an order that is open is looked up.
      log.error({ err: error, component: 'user-stream' }, 'a user event could not be read; history will tell');
    }
  }

  return {
    async stop() {
      stopped = true;
      subscribed = false;
      await socket.stop();
    },
  };
}

/** Null for events that the engine has no use for. Throws `MalformedAnswer`. */
export function readUserEvent(event: Fields): UserEvent | null {
  switch (event['e']) {
    case 'executionReport':
      return readExecutionReport(event);
    case 'outboundAccountPosition':
      return {
        type: 'balances-changed',
        balances: rows(event['B'], 'balances').map((row) => {
          const balance = fields(row, 'balance');
          return { asset: text(balance, 'a'), free: amount(balance, 'f'), locked: amount(balance, 'l') };
        }),
        atMs: time(event, 'E'),
      };
    default:
      return null;
  }
}

function readExecutionReport(event: Fields): UserEvent {
  const original = event['C'];
  const order: ExchangeOrder = {
    symbol: text(event, 's'),
    orderId: id(event, 'i'),
    // On a cancel `c` names the cancel and `C` is ours.
    clientOrderId: typeof original === 'string' && original !== '' && original !== 'null' ? original : text(event, 'c'),
    side: side(event['S']),
    type: text(event, 'o') as OrderType,
    status: status(event['X']),
    quantity: amount(event, 'q'),
    executedQuantity: amount(event, 'z'),
    executedQuote: amount(event, 'Z'),
    updatedAtMs: time(event, 'T'),
  };
  const reason =
    typeof event['eR'] === 'string' ? event['eR'] : typeof event['r'] === 'string' && event['r'] !== 'NONE' ? event['r'] : null;
  return { type: 'order-updated', order, fill: event['x'] === 'TRADE' ? fillOf(event, order) : null, reason, atMs: time(event, 'E') };
}

function fillOf(event: Fields, order: ExchangeOrder): ExchangeFill {
  return {
    symbol: order.symbol,
    tradeId: id(event, 't'),
    orderId: order.orderId,
    clientOrderId: order.clientOrderId,
    side: order.side,
    price: price(event, 'L'),
    quantity: amount(event, 'l'),
    commission: amount(event, 'n'),
    commissionAsset: typeof event['N'] === 'string' ? event['N'] : '',
    isMaker: event['m'] === true,
    atMs: order.updatedAtMs,
  };
}
