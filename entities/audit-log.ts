import { defineEntity, p } from '@mikro-orm/core';
import { id, time } from './columns.ts';

/** Who changed what. Append-only; each row carries the hash of the one before, so that a missing row shows. */
const AuditLogSchema = defineEntity({
  name: 'AuditLog',
  tableName: 'audit_log',
  properties: {
    id: id(),
    at: time().index('audit_log_at_index'),
    actor: p.string().length(100),
    action: p.string().length(60),
    subject: p.string().length(100).index('audit_log_subject_index'),
    detail: p.json<Record<string, unknown>>(),
    requestId: p.string().length(100).nullable(),
    /** SHA-256, hex; null in the first row. */
    previousHash: p.string().length(64).nullable(),
    hash: p.string().length(64),
  },
});
export class AuditLog extends AuditLogSchema.class {}
AuditLogSchema.setClass(AuditLog);
