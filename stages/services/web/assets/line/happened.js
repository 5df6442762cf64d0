// Events in words.

export const GROUPS = { zones: "Zones", lines: "Lines", tracks: "Objects" };

export function groupOf({ kind }) {
  return `${kind.split("_")[0]}s`;
}

export function happened({ kind, label, track_id: id, region, direction, reason, count, inside, seconds }) {
  const who = `${label} ${id}`;
  const there = inside === undefined ? "" : `, ${inside} inside`;
  switch (kind) {
    case "line_cross": return `${who} crossed ${region}: ${direction} (${count})`;
    case "zone_enter": return `${who} entered ${region}${there}`;
    case "zone_leave": return `${who} left ${region} after ${duration(seconds)}${there}`;
    case "zone_dwell": return `${who} has been in ${region} for ${duration(seconds)}${there}`;
    case "track_begin": return `${who} came`;
    case "track_end": return `${who} is gone after ${duration(seconds)}: ${ENDS[reason] ?? reason}`;
    default: return `${who}: ${kind.replaceAll("_", " ")}`;
  }
}

const ENDS = {
  left: "left the picture", lost: "not seen any more", epoch: "the camera was opened again",
  stop: "the line stopped",
};

function duration(seconds) {
  if (seconds === undefined) return "some time";
  return seconds < 90 ? `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s` : `${Math.round(seconds / 60)} min`;
}
