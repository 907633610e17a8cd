/** @param {any} main @param {any} studio  */
export async function homePage(main, studio) { main.replaceChildren('home'); }
