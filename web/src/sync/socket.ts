// The WebSocket of one connection. A late word of a socket that was given up is never heard.

export interface SocketListener {
  opened(): void;
  closed(code: number, reason: string): void;
  text(text: string): void;
  bytes(bytes: Uint8Array): void;
}

export class Socket {
  private socket: WebSocket | null = null;

  constructor(private readonly listener: SocketListener) {}

  connect(address: string): void {
    this.disconnect();
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    const isCurrent = (): boolean => this.socket === socket;
    socket.onopen = () => {
      if (isCurrent()) this.listener.opened();
    };
    socket.onclose = (event) => {
      if (!isCurrent()) return;
      this.socket = null;
      this.listener.closed(event.code, event.reason);
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (!isCurrent()) return;
      if (typeof event.data === "string") this.listener.text(event.data);
      else if (event.data instanceof ArrayBuffer) this.listener.bytes(new Uint8Array(event.data));
    };
  }

  disconnect(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  send(data: Uint8Array | string): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(typeof data === "string" ? data : new Uint8Array(data));
  }

  bufferedBytes(): number {
    return this.socket?.bufferedAmount ?? 0;
  }
}
