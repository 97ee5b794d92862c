import { defineEntity, p } from '@mikro-orm/core';
import { id, time } from './columns.ts';

/** Someone who owns bots, keys and tokens. */
const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: id(),
    email: p.string().length(254).unique(),
    /** A password hash, or `!` for a user who cannot log in with a password. */
    hashedPassword: p.string().length(255),
    isActive: p.boolean(),
    role: p.enum(['owner', 'admin', 'operator', 'viewer'] as const),
    /** SHA-256 of the token that was sent out. */
    resetToken: p.string().length(64).nullable(),
    resetTokenExpires: time().nullable(),
    createdAt: time(),
    updatedAt: time(),
  },
  indexes: [{ name: 'users_reset_token_index', properties: ['resetToken'] }],
});
export class User extends UserSchema.class {}
UserSchema.setClass(User);
