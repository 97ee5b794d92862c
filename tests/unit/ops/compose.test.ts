/** The containers are hardened and publish loopback ports only, and monitoring names only series that exist. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../../../engine/observe/metrics.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly command?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly healthcheck?: unknown;
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
};

describe.each(Object.entries(compose.services))('the %s container', (name, service) => {
  it('has a read-only root, no capabilities and no way to gain any', () => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(service.cap_add ?? []).not.toContain('SYS_ADMIN');
  });

  it('publishes loopback ports only', () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('has a pinned image and a health check', () => {
    expect(service.image).toMatch(/:v?\d+(\.\d+)+/);
    if (name !== 'engine') expect(service.healthcheck).toBeDefined();
  });
});

describe('the compose file', () => {
  it('keeps the data stores on a network without a way out', () => {
    expect(compose.networks['inside']?.internal).toBe(true);
    for (const store of ['postgres', 'redis', 'prometheus']) expect(compose.services[store]?.networks).toEqual(['inside']);
  });

  it('has no password in it: each must come from .env', () => {
    const passwords = [...read('docker-compose.yml').matchAll(/\$\{(\w*PASSWORD)([^}]*)\}/g)];
    expect(passwords.length).toBeGreaterThan(4);
    for (const [, , fallback] of passwords) expect(fallback).toMatch(/^:\?/);
  });

  it('hands every setting of .env.example to the engine', () => {
    const environment = compose.services['engine']?.environment ?? {};
    const settings = [...read('.env.example').matchAll(/^#([A-Z_]+)=/gm)].map(([, name = '']) => name);
    expect(settings.length).toBeGreaterThan(25);
    // The container's data folder stands in its image; the port inside is fixed, and the setting moves the host's side.
    const elsewhere = ['EVENKEEL_DATA_DIR', 'EVENKEEL_ADMIN_PORT', 'EVENKEEL_METRICS_PORT'];
    for (const name of settings.filter((one) => !elsewhere.includes(one))) expect(Object.keys(environment)).toContain(name);
    expect(compose.services['engine']?.ports).toEqual(['127.0.0.1:${EVENKEEL_ADMIN_PORT:-8080}:8080']);
    for (const [name, value] of Object.entries(environment))
      if (value.includes('${EVENKEEL')) expect(value).toMatch(new RegExp(`^\\$\\{${name}:-\\w*\\}$`));
  });

  it('starts no server as root: the image, a numbered user, or an entrypoint that changes it', () => {
    // PostgreSQL's entrypoint becomes its user when the first word is its own; the engine's image names one.
    for (const [name, { user, command }] of Object.entries(compose.services))
      expect([name, user !== undefined || name === 'engine' || command?.[0] === name]).toEqual([name, true]);
  });

  it('turns on the append-only file and a password in Redis', () => {
    expect(read('docker-compose.yml')).toMatch(/--appendonly yes .*--requirepass/);
  });

  it('declares every named volume that it mounts', () => {
    const mounted = Object.values(compose.services).flatMap((service) =>
      (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '').filter((source) => !source.startsWith('.')),
    );
    expect(Object.keys(compose.volumes).sort()).toEqual([...new Set(mounted)].sort());
  });
});

describe('the image', () => {
  const lines = read('Dockerfile').split('\n');

  it('is built in two stages from a pinned base, runs as a numbered non-root user, and knows its health', () => {
    const bases = lines.filter((line) => line.startsWith('FROM '));
    expect(bases).toHaveLength(2);
    for (const base of bases) expect(base).toMatch(/^FROM node:24\.\d+-/);
    expect(lines.find((line) => line.startsWith('USER '))).toMatch(/^USER [1-9]\d+:[1-9]\d+$/);
    expect(lines.some((line) => line.startsWith('HEALTHCHECK '))).toBe(true);
  });

  it('copies every top-level folder that the engine imports', () => {
    for (const folder of ['engine', 'admin', 'entities', 'migrations', 'simulator']) {
      expect(lines).toContain(`COPY ${folder} ${folder}`);
      expect(read('.dockerignore').split('\n')).toContain(`!${folder}`);
    }
  });
});

describe('make-env.sh', () => {
  const script = new URL('../../../ops/make-env.sh', import.meta.url).pathname;

  it('writes different random passwords for its owner only, and never overwrites them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-env-'));
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    for (const target of [one, two]) execFileSync(script, [target]);
    expect(statSync(one).mode & 0o777).toBe(0o600);
    const passwords = [one, two].flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/^\w+_PASSWORD=([0-9a-f]{48})$/gm)].map((match) => match[1]),
    );
    expect(new Set(passwords).size).toBe(6);
    const before = readFileSync(one, 'utf8');
    expect(spawnSync(script, [one]).status).toBe(1);
    expect(readFileSync(one, 'utf8')).toBe(before);
  });
});

describe('monitoring', () => {
  it.each(['ops/prometheus/alerts.yml', 'ops/grafana/dashboards/fleet.json'])(
    '%s names only series that the engine exports',
    async (path) => {
      const exported = new Set((await createMetrics().registry.getMetricsAsJSON()).map((metric) => metric.name));
      const named = [...read(path).matchAll(/evenkeel_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
      expect(named.length).toBeGreaterThan(10);
      for (const name of named) expect([...exported]).toContain(name);
    },
  );

  it('has what alerts count in from the start, so that the first event is an increase', async () => {
    const text = await createMetrics().registry.metrics();
    const counted = [...read('ops/prometheus/alerts.yml').matchAll(/increase\((evenkeel_\w+)\[/g)].map(([, name]) => name ?? '');
    expect(counted.length).toBeGreaterThan(2);
    // Sockets break only after they were open: their names are not known before.
    for (const name of counted.filter((one) => one !== 'evenkeel_ws_disconnects_total'))
      expect(text).toMatch(new RegExp(`^${name}(\\{.*\\})? 0$`, 'm'));
  });

  it('gives every alert a severity and something to do', () => {
    const { groups } = parse(read('ops/prometheus/alerts.yml')) as {
      groups: { rules: { labels: { severity: string }; annotations: { summary: string; action: string } }[] }[];
    };
    for (const rule of groups.flatMap((group) => group.rules)) {
      expect(['critical', 'warning']).toContain(rule.labels.severity);
      expect(rule.annotations.action.length).toBeGreaterThan(10);
    }
  });
});
