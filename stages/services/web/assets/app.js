// The dashboard: what REST says every two seconds, what the line says as it comes, and pictures.

import { Card } from "./cards/card.js";
import { Changing } from "./cards/changing.js";
import { Events } from "./cards/events.js";
import { Gallery } from "./cards/gallery.js";
import { showMachine } from "./cards/machine.js";
import { showModel } from "./cards/model.js";
import { showOverview } from "./cards/overview.js";
import { Past } from "./cards/past.js";
import { Editor } from "./editor/editor.js";
import { Access, Refused } from "./line/access.js";
import { groupOf } from "./line/happened.js";
import { RegionsFile } from "./line/regions.js";
import { Settings } from "./line/settings.js";
import { Stream } from "./line/stream.js";
import { Films } from "./picture/film.js";
import { Portraits } from "./picture/portraits.js";
import { Snapshots } from "./picture/snapshots.js";
import { say } from "./words.js";

const EVERY_MS = 2000;
const PAST = 200; // events that are asked for at the start
const REGIONS_EVERY = 15; // looks: others may change zones, too

const find = (id) => document.getElementById(id);
const access = new Access();
const settings = new Settings();
const cards = new Map();
const events = new Events(find("events"));
const gallery = new Gallery(find("gallery"), find("portrait"), access);
const portraits = new Portraits(access, (event, blob) => gallery.take(event, blob));
const changing = new Changing(find("changing"), access, changed);
const stream = new Stream(access, (message) => {
  hear(message);
  if (message.type !== "event") return;
  portray(message);
  past.hear(message);
});
const snapshots = new Snapshots(access, stream, settings);
const films = new Films(access);
const past = new Past(find("past"), access);
const editor = new Editor(find("editor"), access, (camera, regions) => {
  cards.get(camera)?.setRegions(regions);
});
let labels = []; // that the model knows
let timer = 0;
let looks = 0;

function hear(message) {
  if (message.type === "event") events.add(message);
  if (message.type === "status") setTimeout(look); // REST says more of it
  cards.get(message.camera)?.hear(message);
}

/** Of an object that has done something in a zone or on a line; where there are none, of each. */
function portray(event) {
  gallery.tell(event);
  const card = cards.get(event.camera);
  if (card === undefined || event.kind === "track_end") return;
  const { zones, lines } = card.regions;
  const hasRegions = Object.keys(zones).length + Object.keys(lines).length > 0;
  if (groupOf(event) !== "tracks" || !hasRegions) portraits.want(card, event);
}

function makeCard(name) {
  const card = new Card(name, find("card"), settings);
  cards.set(name, card);
  find("cameras").append(card.node);
  card.stage.watch = (shown) => portraits.look(card, ...card.stage.picture, shown);
  card.node.querySelector(".remove").addEventListener("click", () => changing.open(name));
  for (const label of labels) card.labels.add(label);
  snapshots.show(card);
  films.add(card);
  learnRegions(card);
  return card;
}

function showCameras({ cameras }) {
  const names = new Set(cameras.map(({ name }) => name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    cards.delete(name);
    films.remove(card);
    card.leave();
    turn();
  }
  for (const camera of cameras) (cards.get(camera.name) ?? makeCard(camera.name)).tell(camera);
  events.offer(cards.keys());
  const live = cameras.filter((camera) => camera.state === "live").length;
  const others = cameras.filter((camera) => camera.state !== "live");
  const told = others.slice(0, 3).map((camera) => `${camera.name} ${camera.state}`);
  if (others.length > told.length) told.push(`${others.length - told.length} more`);
  const text = `${live} of ${cameras.length} live`;
  say(find("summary"), [text, ...told].join(", "));
  document.title = `${text} · ThunderLine`;
}

async function learnRegions(card) {
  card.setRegions(await new RegionsFile(access, card.name).read().catch(() => card.regions));
}

/** The card of the model; its labels can be chosen in the editor. */
async function learnModel() {
  const card = await access.json("/api/v1/model").catch(() => null);
  if (card === null) return;
  showModel(find("model"), card);
  labels = card.labels;
  for (const each of cards.values()) for (const label of labels) each.labels.add(label);
}

/** What has happened before, where the line keeps it. */
async function learnPast() {
  const answer = await access.fetch(`/api/v1/events?limit=${PAST}`).catch(() => null);
  if (!answer?.ok) return;
  for (const event of (await answer.json()).events) hear(event);
}

function showTrouble(error) {
  const asks = error instanceof Refused;
  find("access").hidden = !asks;
  const trouble = find("trouble");
  trouble.hidden = error === null || (asks && !access.token);
  if (error === null) return;
  say(trouble, asks ? "The token is wrong." : "The line does not answer; what you see is old.");
  say(find("summary"), asks ? "A token is needed" : "No answer");
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const [cameras, status] = await Promise.all([
      access.json("/api/v1/cameras"), access.json("/api/v1/status"),
    ]);
    const isFirst = cards.size === 0;
    showCameras(cameras);
    if (looks % REGIONS_EVERY === 0) for (const card of cards.values()) learnRegions(card);
    looks += 1;
    showOverview(cameras, status);
    showMachine(status);
    showTrouble(null);
    find("main").hidden = false;
    if (isFirst) {
      turn();
      learnPast();
      learnModel();
      gallery.learn();
    }
    stream.follow();
  } catch (error) {
    showTrouble(error);
    if (error instanceof Refused) return;
  }
  clearTimeout(timer);
  timer = setTimeout(look, EVERY_MS);
}

/** A camera has come or gone. */
function changed(camera, { changes, saved, unsaved }) {
  const kept = saved ? "" : ` The file does not say so: ${unsaved.join("; ")}.`;
  say(find("more").querySelector("span"), changes[0].kind.replace("camera", camera) + `.${kept}`);
  if (location.hash) location.hash = "";
  look();
}

/** All cameras, or the one that the address names, or its zones and lines. */
function turn() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const card = cards.get(asked.get("camera") ?? "");
  const isEdited = card !== undefined && asked.has("edit");
  document.body.classList.toggle("single", card !== undefined);
  document.body.classList.toggle("editing", isEdited);
  for (const each of cards.values()) each.isLarge = each === card;
  events.choose(card?.name ?? "");
  gallery.choose(card?.name ?? "");
  find("editor").hidden = !isEdited;
  isEdited ? editor.open(card.name, card.labels) : editor.close();
  card !== undefined && !isEdited ? past.open(card.name) : past.close();
}

function press(id, pressed, act) {
  const button = find(id);
  button.ariaPressed = pressed;
  button.addEventListener("click", () => {
    const now = button.ariaPressed !== "true";
    button.ariaPressed = now;
    act(now);
  });
}

press("pause", false, (pressed) => {
  snapshots.isPaused = pressed;
  snapshots.wake();
  films.pause(pressed);
});
for (const name of ["boxes", "labels", "zones", "trails"]) {
  press(name, settings[name], (pressed) => {
    settings.set(name, pressed);
    for (const card of cards.values()) card.stage.redraw();
  });
}
find("more").querySelector("button").addEventListener("click", () => changing.open(null));
find("access").addEventListener("submit", (event) => {
  event.preventDefault();
  access.learn(find("token").value);
  find("token").value = "";
  look();
});
find("openapi").addEventListener("click", async (event) => {
  event.preventDefault(); // a link carries no token
  const text = JSON.stringify(await access.json("/api/v1/openapi.json"), null, 2);
  location.assign(URL.createObjectURL(new Blob([text], { type: "application/json" })));
});
document.addEventListener("visibilitychange", look);
addEventListener("hashchange", () => { access.find() ? look() : turn(); });
access.find();
look();
