/**
 * A listener's connections, bounded. When there are too many the oldest goes that nobody with a token uses, and not the newest:
 * whoever opens connections and says nothing must not keep the owner out.
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
