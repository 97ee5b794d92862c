/** Where MikroORM's own command line finds the configuration: it looks for TypeScript only with a loader, and Node needs none. */
export { default } from '../../mikro-orm.config.ts';
