/**
 * Compiles a route's schemas when its first request and answer need them. To compile those of all routes took a sixth of an engine's
 * start, and an engine that starts may have positions to protect.
 */
import { AjvCompiler } from '@fastify/ajv-compiler';
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';
import type { FastifySchemaCompiler, FastifySerializerCompiler, FastifyServerOptions } from 'fastify';

type Validate = ReturnType<FastifySchemaCompiler<unknown>>;

/** `options` are those that Fastify gives its own compiler. */
export function lazyValidators(options: NonNullable<FastifyServerOptions['ajv']>): FastifySchemaCompiler<unknown> {
  const compile = AjvCompiler()({}, options);
  return (route) => {
    let validate: Validate | null = null;
    const lazy: Validate = (data) => {
      validate ??= compile(route);
      const valid = validate(data);
      lazy.errors = validate.errors ?? null;
      return valid;
    };
    return lazy;
  };
}

export function lazySerializers(): FastifySerializerCompiler<unknown> {
  const compile = SerializerSelector()({});
  return (route) => {
    let serialize: ((data: unknown) => string) | null = null;
    return (data) => {
      serialize ??= compile({ ...route, httpStatus: route.httpStatus ?? 'default' });
      return serialize(data);
    };
  };
}
