// The jobs, and what each answers, as the server lists them.

/** @type {Record<string, "classes"|"targets"|"codes">} */
export const JOBS = {};
