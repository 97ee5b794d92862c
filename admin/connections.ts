/**
 * Bounds a listener's connections. When there are too many, the oldest one without a valid token is closed, not the newest: somebody who
 * opens many silent connections must not lock the owner out.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export interface Connections {
  /** A request with a valid token came through it. */
  trust(socket: Socket): void;
}

export function boundConnections(server: Server, max: number): Connections {
  /** Oldest first. */
  const strangers = new Set<Socket>();
  const trusted = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    strangers.add(socket);
    socket.once('close', () => {
      strangers.delete(socket);
      trusted.delete(socket);
    });
    if (strangers.size + trusted.size <= max) return;
    const [oldest = socket] = strangers;
    strangers.delete(oldest);
    oldest.destroy();
  });
  return {
    trust(socket) {
      if (strangers.delete(socket)) trusted.add(socket);
    },
  };
}
