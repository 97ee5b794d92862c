/**
 * What the exchange lets our key do: the account's own word, and where the venue tells it (not on its test networks) the
 * restrictions of the key. A key that may not read the account is refused with `ExchangeError`.
 */
import type { Metrics } from '../../observe/metrics.ts';
import type { KeyRights } from '../exchange.ts';
import { understood } from './market-data.ts';
import type { RestClient } from './rest.ts';
import { fields } from './wire.ts';

const shared = { priority: 'audit', signed: true } as const;

/** What a key may do beyond spot. The last one is told of some accounts only. */
const otherMarkets = ['enableMargin', 'enableFutures', 'enableVanillaOptions'] as const;
const sometimesTold = 'enablePortfolioMarginTrading';

export async function readKeyRights(rest: RestClient, tellsRestrictions: boolean, metrics: Metrics): Promise<KeyRights> {
  const account = await rest.read({ ...shared, what: 'account', path: '/api/v3/account', query: { omitZeroBalances: 'true' }, weight: 20 });
  const { canTrade, spot } = understood('account', metrics, () => {
    const told = fields(account, 'account');
    const permissions = Array.isArray(told['permissions']) ? told['permissions'].map(String) : [];
    // Newer accounts name trade groups instead of the market.
    return {
      canTrade: told['canTrade'] === true,
      spot: permissions.some((permission) => permission === 'SPOT' || permission.startsWith('TRD_GRP_')),
    };
  });
  if (!tellsRestrictions) return { canTrade, spot, restrictions: null };
  const key = await rest.read({ ...shared, what: 'apiRestrictions', path: '/sapi/v1/account/apiRestrictions', query: {}, weight: 1 });
  return understood('apiRestrictions', metrics, () => {
    const told = fields(key, 'restrictions');
    // A right that is not told, or not as a plain no, is one that the key may have.
    const mayHave = (name: string): boolean => told[name] !== false;
    return {
      canTrade,
      spot,
      restrictions: {
        reads: told['enableReading'] === true,
        tradesSpot: told['enableSpotAndMarginTrading'] === true,
        withdraws: mayHave('enableWithdrawals'),
        transfers: mayHave('enableInternalTransfer') || mayHave('permitsUniversalTransfer'),
        otherMarkets: [...otherMarkets, ...(sometimesTold in told ? [sometimesTold] : [])].filter(mayHave),
        boundToAddresses: told['ipRestrict'] === true,
      },
    };
  });
}
