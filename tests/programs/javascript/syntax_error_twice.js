let once = 1;
let once = 2;
