grep -c nothing <<<"some text"
