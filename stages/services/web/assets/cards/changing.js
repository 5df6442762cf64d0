// A dialog that adds a camera, or removes one, and what the line says to it.

import { NotTaken } from "../line/regions.js";
import { partsOf, say } from "../words.js";

const PATH = "/api/v1/cameras";
const NO_TOKEN = [401, 403];
const KEY = /^sources\[\d+\]\.(\w+)/;

export class Changing {
  /** `done(camera, outcome)` is called when the line has one more, or one less. */
  constructor(node, access, done) {
    Object.assign(this, { node, access, done, camera: null });
    this.parts = partsOf(node, "title", "place", "cost", "told", "token", "act");
    const [uri, name, token] = node.querySelectorAll("input");
    this.fields = { uri, name };
    this.token = token;
    node.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.act();
    });
    node.querySelector(".cancel").addEventListener("click", () => node.close());
  }

  /** `camera`: to be removed; null to add one. */
  open(camera) {
    const { parts, fields } = this;
    this.camera = camera;
    say(parts.title, camera === null ? "Add a camera" : `Remove ${camera}?`);
    say(parts.act, camera === null ? "Add" : "Remove");
    say(parts.cost, `${camera === null ? "" : "Its tracks end. "}The other cameras go on.`);
    parts.place.hidden = camera !== null;
    parts.token.hidden = true;
    fields.uri.required = camera === null;
    fields.uri.value = fields.name.value = "";
    this.blame([], "");
    this.node.showModal();
  }

  async act() {
    const { camera, fields, token, access } = this;
    if (token.value) access.learn(token.value);
    token.value = "";
    const source = { uri: fields.uri.value.trim() };
    if (fields.name.value) source.name = fields.name.value.trim();
    this.node.ariaBusy = true;
    try {
      const answer = camera === null
        ? await access.send("POST", PATH, source)
        : await access.send("DELETE", `${PATH}/${camera}`, undefined, { "If-Match": "*" });
      if (!answer.ok) throw await NotTaken.of(answer);
      const outcome = await answer.json();
      this.node.close();
      this.done(camera ?? outcome.changes[0].camera, outcome);
    } catch (error) {
      this.refused(error);
    } finally {
      this.node.ariaBusy = null;
    }
  }

  refused(error) {
    const needsToken = NO_TOKEN.includes(error.status);
    this.parts.token.hidden = !needsToken;
    if (needsToken) this.token.focus();
    else if (error instanceof NotTaken) this.blame(error.errors, error.message);
    else this.blame([], "The line does not answer. Nothing has changed; try again.");
  }

  /** A mistake marks its field. */
  blame(errors, message) {
    const keys = errors.map(({ key }) => KEY.exec(key)?.[1]);
    for (const [key, field] of Object.entries(this.fields)) {
      field.ariaInvalid = keys.includes(key);
      if (keys.includes(key)) field.focus();
    }
    say(this.parts.told, message.replace(/^sources\[\d+\]\./, ""));
  }
}
