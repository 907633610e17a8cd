// What a classify run learns.

/** @param {any} store @param {HTMLElement} main */
export async function panelsOf(store, main) {}
