// The colours of recorded videos: stages/kernels/drawing/palette.py has the same.

const FIRST_HUE = 0.33;
const GOLDEN_TURN = 0.381966;
const BRIGHT = 110; // luma from which black ink reads better
export const LINE = [255, 215, 0];
export const PLAIN = [0, 0, 0];

function fromHsv(hue, saturation, value) {
  const sector = Math.floor((hue % 1) * 6);
  const part = (hue % 1) * 6 - sector;
  const low = value * (1 - saturation);
  const falling = value * (1 - saturation * part);
  const rising = value * (1 - saturation * (1 - part));
  const mixed = [
    [value, rising, low], [falling, value, low], [low, value, rising],
    [low, falling, value], [rising, low, value], [value, low, falling],
  ][sector % 6];
  return mixed.map((share) => Math.round(255 * share));
}

function turned(number) {
  return fromHsv(FIRST_HUE + number * GOLDEN_TURN, 0.85, number % 2 === 0 ? 1 : 0.85);
}

/** [red, green, blue] of a track, or of a class where objects are not tracked. */
export function objectColour({ track_id: track, class_id: kind }) {
  return turned(track ?? kind);
}

/** [red, green, blue] of a zone, by its place in the configuration. */
export function zoneColour(number) {
  return fromHsv(0.5 + number * GOLDEN_TURN, 0.45, 1);
}

/** Black or white, whichever reads better on a colour. */
export function ink([red, green, blue]) {
  return 0.114 * blue + 0.587 * green + 0.299 * red > BRIGHT ? "#000" : "#fff";
}

export function css([red, green, blue], opacity = 1) {
  return opacity === 1 ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}
