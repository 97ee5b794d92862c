/**
 * The safety elements of the order protocol, by name. In the engine all of them are always on. The simulation switches off one at a time to
 * show that its checks notice (tests/simulation/ablations.ts).
 */
export const safetyElements = {
  fence: 'an intent is committed by the current owner of its bot only',
  signedTimeBound: 'an order is signed before its commit and may travel for the receive window only',
  horizon: 'an order that is not found was never placed only after the horizon and two rounds',
  tradePolling: 'the executions of an open order are read from the trade history',
  uniqueFillKey: 'an execution is booked once, whichever path tells it',
  singlePost: 'an order is sent once, whatever became of its answer',
  positionCheck: 'what is in flight and held is restored before a bot decides, and the commit refuses a second open order of a role',
  epochInWrites: 'evidence and status are written by the current owner of their bot only',
  protectionVerify: 'the stops and targets of bots are looked for at the exchange when a bot is taken and on a timer',
  askBeforeSale: 'a position is sold for want of its stop only when the exchange has denied the stop in two rounds',
  capital: 'an entry is admitted only when what its account has, less what other entries have reserved, covers it',
  audit: "the account's trade history is read on a timer and after each subscription",
} as const;

export type SafetyElement = keyof typeof safetyElements;
export type Safety = Readonly<Record<SafetyElement, boolean>>;

export const fullSafety: Safety = {
  fence: true,
  signedTimeBound: true,
  horizon: true,
  tradePolling: true,
  uniqueFillKey: true,
  singlePost: true,
  positionCheck: true,
  epochInWrites: true,
  protectionVerify: true,
  askBeforeSale: true,
  capital: true,
  audit: true,
};
