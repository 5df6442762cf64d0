// Zones and counting lines of the configuration in force, to be read and changed. Names of cameras
// are letters, digits, _ and -: they need no quoting in addresses.

export const NO_REGIONS = { zones: {}, lines: {} };

export const STALE = 412; // somebody else has changed what was read

export class NotTaken extends Error {
  /** `errors`: {key, detail}, as the configuration names its keys. */
  constructor(status, { detail, errors = [] }) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }

  /** What an answer says that is an error. */
  static async of(answer) {
    const problem = await answer.json().catch(() => ({ detail: `The line answers ${answer.status}.` }));
    return new NotTaken(answer.status, problem);
  }
}

export class RegionsFile {
  constructor(access, camera) {
    this.access = access;
    this.path = `/api/v1/cameras/${camera}/zones`;
    this.revision = "";
  }

  /** {zones, lines}; what is changed later must be this. */
  async read() {
    const answer = await this.access.fetch(this.path);
    if (!answer.ok) throw await NotTaken.of(answer);
    this.revision = answer.headers.get("ETag");
    return answer.json();
  }

  /** What would change. Raises NotTaken. */
  async plan(regions) {
    const now = await this.access.fetch(this.path);
    if (now.ok && now.headers.get("ETag") !== this.revision) throw new NotTaken(STALE, {});
    return this.put(`${this.path}?plan=1`, regions);
  }

  /** Bring it into force. Raises NotTaken. */
  apply(regions) {
    return this.put(this.path, regions);
  }

  async put(path, regions) {
    const answer = await this.access.send("PUT", path, regions, { "If-Match": this.revision });
    if (!answer.ok) throw await NotTaken.of(answer);
    if (!path.includes("?")) this.revision = answer.headers.get("ETag") ?? this.revision;
    return answer.json();
  }
}
