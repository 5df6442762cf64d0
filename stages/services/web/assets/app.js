// The dashboard: what REST says every two seconds, what the line says as it comes, and pictures.

import { Access, Refused } from "./access.js";
import { Card } from "./card.js";
import { showMachine } from "./machine.js";
import { Pictures } from "./pictures.js";
import { Stream } from "./stream.js";
import { say } from "./words.js";

const EVERY_MS = 2000;

const access = new Access();
const cards = new Map();
const pictures = new Pictures(access);
const stream = new Stream(access, (message) => cards.get(message.camera)?.hear(message));
const find = (id) => document.getElementById(id);
let timer = 0;

function showCameras({ cameras }) {
  for (const camera of cameras) {
    let card = cards.get(camera.name);
    if (card === undefined) {
      card = new Card(camera.name, find("card"));
      cards.set(camera.name, card);
      find("cameras").append(card.node);
      pictures.show(card);
    }
    card.tell(camera);
  }
  const live = cameras.filter((camera) => camera.state === "live").length;
  const others = cameras.filter((camera) => camera.state !== "live");
  const told = others.slice(0, 3).map((camera) => `${camera.name} ${camera.state}`);
  if (others.length > told.length) told.push(`${others.length - told.length} more`);
  const text = `${live} of ${cameras.length} live`;
  say(find("summary"), [text, ...told].join(", "));
  document.title = `${text} · ThunderLine`;
}

function showTrouble(error) {
  const asks = error instanceof Refused;
  find("access").hidden = !asks;
  const trouble = find("trouble");
  trouble.hidden = error === null || (asks && !access.token);
  if (error === null) return;
  const reason = asks ? "The token is wrong." : "The line does not answer; what you see is old.";
  say(trouble, reason);
  say(find("summary"), asks ? "A token is needed" : "No answer");
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const [cameras, status] = await Promise.all([
      access.json("/api/v1/cameras"), access.json("/api/v1/status"),
    ]);
    showCameras(cameras);
    showMachine(status);
    showTrouble(null);
    stream.follow();
  } catch (error) {
    showTrouble(error);
    if (error instanceof Refused) return;
  }
  timer = setTimeout(look, EVERY_MS);
}

function press(id, act) {
  const button = find(id);
  button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    act(pressed);
    for (const card of cards.values()) card.change();
  });
}

press("pause", (pressed) => { pictures.isPaused = pressed; });
press("boxes", (pressed) => { pictures.hasBoxes = pressed; });
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
addEventListener("hashchange", () => { if (access.find()) look(); });
access.find();
look();
