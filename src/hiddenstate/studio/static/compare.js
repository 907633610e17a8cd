/** @param {any} main @param {any} ids  */
export async function comparePage(main, ids) { main.replaceChildren('compare'); }
