import { defineEntity, p } from '@mikro-orm/core';
import { id, time } from './columns.ts';
import { User } from './user.ts';
import { venues } from './vocabulary.ts';

/** A user's exchange credentials, encrypted; which key-encryption key wraps them is named beside them. */
const ApiKeySchema = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  properties: {
    id: id(),
    user: () => p.manyToOne(User).deleteRule('restrict').index('api_keys_user_id_index'),
    keyName: p.string().length(100),
    apiKeyEncrypted: p.text(),
    secretKeyEncrypted: p.text(),
    isActive: p.boolean(),
    venue: p.enum(venues),
    /** Markets that the key may trade, e.g. `{spot}`. */
    marketPermissions: p.array(),
    kekId: p.string().length(64),
    createdAt: time(),
    updatedAt: time(),
  },
  uniques: [{ name: 'api_keys_user_id_key_name_unique', properties: ['user', 'keyName'] }],
});
export class ApiKey extends ApiKeySchema.class {}
ApiKeySchema.setClass(ApiKey);
