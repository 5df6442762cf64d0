// Who asks: the token comes in the fragment of the address, which no server and no log sees.

const KEY = "thunderline.token";
const SUBPROTOCOL = "thunderline.v1";

export class Refused extends Error {}

export class Access {
  /** Take a token out of the address, if there is one; returns whether there was. */
  find() {
    const found = new URLSearchParams(location.hash.slice(1)).get("token");
    if (!found) return false;
    this.learn(found);
    const others = new URLSearchParams(location.hash.slice(1));
    others.delete("token");
    history.replaceState(null, "", others.size ? `#${others}` : location.pathname);
    return true;
  }

  get token() {
    return sessionStorage.getItem(KEY) ?? "";
  }

  learn(token) {
    sessionStorage.setItem(KEY, token.trim());
  }

  /** An answer that is no error. Raises Refused where a token is asked for. */
  async fetch(path, headers = {}) {
    const answer = await this.request(path, { headers });
    if (answer.status === 401) throw new Refused("the token is missing or wrong");
    return answer;
  }

  /** Send a value as JSON; the answer may be an error. */
  send(method, path, value, headers = {}) {
    const body = JSON.stringify(value);
    return this.request(path, { method, body, headers: { "Content-Type": "application/json", ...headers } });
  }

  request(path, { headers, ...others }) {
    const given = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    return fetch(path, { cache: "no-store", headers: { ...headers, ...given }, ...others });
  }

  /** The rest of an address of pictures and films, which carries no token. */
  async ticket() {
    const { ticket } = await this.send("POST", "/api/v1/ticket", {}).then((answer) => answer.json());
    return ticket ? `?ticket=${encodeURIComponent(ticket)}` : "";
  }

  async json(path) {
    const answer = await this.fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  open(path) {
    const address = new URL(path, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const protocols = this.token ? [SUBPROTOCOL, `bearer.${this.token}`] : [SUBPROTOCOL];
    return new WebSocket(address, protocols);
  }
}
