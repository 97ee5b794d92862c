import { defineEntity, p } from '@mikro-orm/core';
import { time } from './columns.ts';

/** The one row that names this installation: its code marks our orders on an account that others may use too. */
const InstallationSchema = defineEntity({
  name: 'Installation',
  tableName: 'installations',
  properties: {
    id: p.integer().primary().check('id = 1'),
    /** Four characters of [0-9a-z], in every client order id. */
    code: p.string().length(4),
    createdAt: time(),
  },
});
export class Installation extends InstallationSchema.class {}
InstallationSchema.setClass(Installation);
