/** Somebody who trades on the same account by hand, with the account's key: the engine knows nothing of it. */
import { createHmac } from 'node:crypto';
import { account } from './simulator-process.ts';
import type { SimulatorProcess } from './simulator-process.ts';

/** Places an order; throws with the exchange's answer when it is refused. */
export async function placeByHand(simulator: SimulatorProcess, order: Readonly<Record<string, string>>): Promise<void> {
  const { nowMs } = await simulator.state();
  const body = new URLSearchParams({ ...order, timestamp: String(nowMs), recvWindow: '5000' }).toString();
  const signature = createHmac('sha256', account.secret).update(body).digest('hex');
  const answer = await fetch(`${simulator.url}/api/v3/order`, {
    method: 'POST',
    headers: { 'x-mbx-apikey': account.apiKey, 'content-type': 'application/x-www-form-urlencoded' },
    body: `${body}&signature=${signature}`,
  });
  if (!answer.ok) throw new Error(`the exchange answered ${answer.status}: ${await answer.text()}`);
}
