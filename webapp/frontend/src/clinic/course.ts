// The course of a case: its sessions with their numbers, what they say together, and other courses.
import { type Course, picture, sessionColumns, sessionTable, shortDay, trend } from "../shared/course";
import { h } from "../shared/dom";
import { figure } from "./words";

function countWords(course: Course): string {
  const counting = course.sessions.filter((one) => one.counts).length;
  const asked = course.least === course.most ? `${course.least}` : `${course.least} to ${course.most}`;
  return `${counting} of ${course.sessions.length} sessions count; the clinic asks for ${asked}, until ${shortDay(course.closes_at)}.`;
}

/** Band and what more sessions would make of it, for each medication that is read apart. */
function groupFacts(course: Course): HTMLElement | null {
  const groups = course.result?.groups ?? [];
  if (groups.length === 0) return null;
  return h(
    "dl",
    { class: "facts" },
    ...groups.flatMap((group) => {
      const { hypomimia_index: index, severity_expected: grade } = group.person;
      const name = groups.length > 1 ? `Together, ${group.medication}` : "Together";
      const range = index.low === null ? "no band known" : `${figure(index.low, 0)} to ${figure(index.high, 0)}`;
      const more = index.more
        .slice(0, 3)
        .map((half, n) => `${n + 1} more: ± ${figure(half, 0)}`)
        .join(", ");
      return [
        h("dt", {}, `${name}, index`),
        h("dd", {}, `${figure(index.value, 0)} (${range})`),
        grade.value === null ? null : h("dt", {}, `${name}, grade`),
        grade.value === null
          ? null
          : h("dd", {}, `${figure(grade.value, 1)} (${figure(grade.low, 1)} to ${figure(grade.high, 1)})`),
        more ? h("dt", {}, "It would be") : null,
        more ? h("dd", {}, more) : null,
      ];
    }),
  );
}

export function courseCard(course: Course): HTMLElement | null {
  if (course.sessions.length === 0) return null;
  return h(
    "section",
    { class: "card course", id: "course", "aria-label": "The course" },
    h("h2", {}, `Course from ${shortDay(course.opened_at)}`),
    h("p", { class: "soft" }, countWords(course)),
    h(
      "div",
      { class: "course-pair" },
      h("figure", {}, picture(sessionColumns(course), "The sessions, and what they say together")),
      h("div", {}, sessionTable(course), groupFacts(course)),
    ),
    course.is_due && h("p", { class: "note", role: "status" }, "The result of these sessions together is being computed. It appears here by itself."),
    ...trend(course),
  );
}
