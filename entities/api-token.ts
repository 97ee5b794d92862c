import { defineEntity, p } from '@mikro-orm/core';
import { id, time } from './columns.ts';
import { User } from './user.ts';

/** A bearer token of the admin plane; only its SHA-256 is kept. */
const ApiTokenSchema = defineEntity({
  name: 'ApiToken',
  tableName: 'api_tokens',
  properties: {
    id: id(),
    user: () => p.manyToOne(User).deleteRule('restrict').index('api_tokens_user_id_index'),
    name: p.string().length(100),
    tokenHash: p.string().length(64).unique('api_tokens_token_hash_unique'),
    /** Any of read, operate, admin. */
    scopes: p.array(),
    createdAt: time(),
    lastUsedAt: time().nullable(),
    expiresAt: time().nullable(),
    revokedAt: time().nullable(),
  },
});
export class ApiToken extends ApiTokenSchema.class {}
ApiTokenSchema.setClass(ApiToken);
