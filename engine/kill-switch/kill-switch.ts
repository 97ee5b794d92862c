/**
 * The kill switch: whom it concerns and what it asks for. While one is in force for a bot nothing is entered; its policy says what
 * becomes of orders that rest at the exchange and of the position. PURE, unlike the rest of the room: decisions and entities import it.
 */

/** From the widest to the narrowest. */
export const killScopes = ['engine', 'account', 'user', 'bot'] as const;
export type KillScope = (typeof killScopes)[number];

/**
 * From the mildest to the strictest. `leave`: stops, targets and exits go on. `cancel`: stops and targets are cancelled and
 * stay off, at the exchange and in the engine; nothing protects the position. `flatten`: the position is closed.
 */
export const killPolicies = ['leave', 'cancel', 'flatten'] as const;
export type KillPolicy = (typeof killPolicies)[number];

export interface KillSwitch {
  readonly scope: KillScope;
  /** Id of the user or bot, name of the account; empty for the engine. */
  readonly subject: string;
  readonly policy: KillPolicy;
  readonly reason: string;
  /** UTC, ms; null: until it is released. */
  readonly expiresAtMs: number | null;
}

/** What a switch is compared with. */
export interface KillSubject {
  readonly botId: string;
  readonly userId: string;
  /** Name of the account that the bot's orders go to. */
  readonly account: string;
}

/** The `EntryBlock` that a switch in force means for a bot. */
export interface KillBlock {
  readonly rule: 'kill-switch';
  readonly policy: KillPolicy;
  readonly reason: string;
}

export function standsAt({ expiresAtMs }: Pick<KillSwitch, 'expiresAtMs'>, atMs: number): boolean {
  return expiresAtMs === null || expiresAtMs > atMs;
}

export function concerns({ scope, subject }: Pick<KillSwitch, 'scope' | 'subject'>, bot: KillSubject): boolean {
  switch (scope) {
    case 'engine':
      return true;
    case 'account':
      return subject === bot.account;
    case 'user':
      return subject === bot.userId;
    case 'bot':
      return subject === bot.botId;
    default:
      return scope satisfies never;
  }
}

const consequences: Readonly<Record<KillPolicy, string>> = {
  leave: 'stops and exits go on',
  cancel: 'stops and targets are down: nothing protects an open position',
  flatten: 'an open position is closed',
};

/** The block of the strictest switch that concerns the bot, of the widest among equals; null when none does. */
export function killBlock(standing: readonly KillSwitch[], bot: KillSubject): KillBlock | null {
  let strictest: KillSwitch | null = null;
  for (const one of standing) if (concerns(one, bot) && (strictest === null || isStricter(one, strictest))) strictest = one;
  if (strictest === null) return null;
  const { scope, policy, reason } = strictest;
  return { rule: 'kill-switch', policy, reason: `kill switch (${scope}, ${policy}): ${reason}; ${consequences[policy]}` };
}

function isStricter(one: KillSwitch, other: KillSwitch): boolean {
  const byPolicy = killPolicies.indexOf(one.policy) - killPolicies.indexOf(other.policy);
  return byPolicy === 0 ? killScopes.indexOf(one.scope) < killScopes.indexOf(other.scope) : byPolicy > 0;
}
