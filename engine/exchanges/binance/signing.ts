/**
 * Signs requests as Binance asks: REST signs the percent-encoded query exactly as it is sent, the
 * WebSocket API the sorted, not encoded parameters. HMAC-SHA256 answers hex, Ed25519 base64. Keys stay inside.
 */
import { createHmac, createPrivateKey, sign } from 'node:crypto';
import type { Secret } from '../../secret.ts';

export interface Signer {
  readonly apiKey: Secret;
  sign(payload: string): string;
}

export interface SigningKey {
  readonly apiKey: Secret;
  readonly kind: 'hmac' | 'ed25519';
  /** HMAC secret, or Ed25519 private key as PEM (PKCS#8). */
  readonly secret: Secret;
}

/** The key cannot sign; says what is wrong without showing it. */
export class UnusableKey extends Error {
  constructor(problem: string) {
    super(`the exchange key cannot be used: ${problem}`);
    this.name = 'UnusableKey';
  }
}

export function createSigner({ apiKey, kind, secret }: SigningKey): Signer {
  if (kind === 'hmac') return { apiKey, sign: (payload) => createHmac('sha256', secret.reveal()).update(payload, 'utf8').digest('hex') };
  let key;
  try {
    key = createPrivateKey(secret.reveal());
  } catch {
    throw new UnusableKey('it is not a private key in PEM form');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new UnusableKey(`it is a ${key.asymmetricKeyType ?? 'foreign'} key; Ed25519 is needed`);
  return { apiKey, sign: (payload) => sign(null, Buffer.from(payload, 'utf8'), key).toString('base64') };
}

export type QueryValue = string | number;

/** `a=1&b=x`, percent-encoded, in the given order. */
export function encodeQuery(values: Readonly<Record<string, QueryValue>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}

/** The query with its signature behind it. */
export function signQuery(query: string, signer: Signer): string {
  return `${query}${query === '' ? '' : '&'}signature=${encodeURIComponent(signer.sign(query))}`;
}

/** Parameters of a WebSocket API request, signed. */
export function signParameters(parameters: Readonly<Record<string, QueryValue>>, signer: Signer): Record<string, QueryValue> {
  const all: Record<string, QueryValue> = { ...parameters, apiKey: signer.apiKey.reveal() };
  const payload = Object.keys(all)
    .sort()
    .map((name) => `${name}=${all[name] ?? ''}`)
    .join('&');
  return { ...all, signature: signer.sign(payload) };
}
