package org.dflib.jjava.jupyter.channels;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.dflib.jjava.jupyter.kernel.KernelConnectionProperties;
import org.dflib.jjava.jupyter.messages.HMACGenerator;
import org.dflib.jjava.jupyter.messages.Message;
import org.dflib.jjava.jupyter.messages.MessageContext;
import org.dflib.jjava.jupyter.messages.MessageType;
import org.dflib.jjava.jupyter.messages.publish.PublishStatus;
import org.dflib.jjava.shaded.org.zeromq.SocketType;
import org.dflib.jjava.shaded.org.zeromq.ZMQ;
import org.dflib.jjava.shaded.org.zeromq.ZMQException;

/**
 * Takes the place of jjava's class of this name, and lets in only who knows the connection's key.
 *
 * <p>jjava listens on loopback, where every user of the machine can connect: the key signs messages,
 * and hides none. Its ZeroMQ has no Unix sockets, but passwords (PLAIN, RFC 24): here, a client has
 * to know one that is made from the key of the connection file, or it neither hears nor is heard.
 * Only root reads what goes over loopback. Where the one who starts the kernel does not ask for
 * it, there is none: other clients of Jupyter do not know of it.
 */
public class JupyterConnection {
    private static final boolean PASSWORD = Boolean.getBoolean("code_interpreter.password");
    // Where ZeroMQ asks whether a client is to be let in (ZAP, RFC 27).
    private static final String QUESTIONS = "inproc://zeromq.zap.01";

    protected final HeartbeatChannel heartbeat;
    protected final ShellChannel shell;
    protected final ShellChannel control;
    protected final StdinChannel stdin;
    protected final IOPubChannel iopub;

    private final KernelConnectionProperties properties;
    private final ZMQ.Context context = ZMQ.context(1);
    private final List<JupyterSocket> sockets;
    private final Map<MessageType<?>, ShellHandler<?>> handlers = new HashMap<>();
    private boolean connected;

    public JupyterConnection(KernelConnectionProperties properties)
            throws NoSuchAlgorithmException, InvalidKeyException {
        this.properties = properties;
        HMACGenerator signer = properties.createHMACGenerator();
        heartbeat = new HeartbeatChannel(context, signer);
        shell = new ShellChannel(context, signer, false, this);
        control = new ShellChannel(context, signer, true, this);
        stdin = new StdinChannel(context, signer);
        ZMQ.Context own = ZMQ.context(1); // which the channel ends
        iopub = new IOPubChannel(own, signer);
        sockets = List.of(heartbeat, shell, control, stdin, iopub);
        if (PASSWORD) {
            byte[] text = ("password:" + properties.getKey()).getBytes(StandardCharsets.UTF_8);
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text);
            byte[] password = hex(digest).getBytes(StandardCharsets.US_ASCII);
            for (ZMQ.Context one : List.of(context, own)) {
                ZMQ.Socket questions = one.socket(SocketType.REP);
                questions.bind(QUESTIONS); // before any client can come
                Thread doorkeeper = new Thread(() -> keepDoor(questions, password), "doorkeeper");
                doorkeeper.setDaemon(true);
                doorkeeper.start();
            }
            sockets.forEach(socket -> socket.setPlainServer(true));
        }
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte one : bytes) {
            text.append(String.format("%02x", one));
        }
        return text.toString();
    }

    private static void keepDoor(ZMQ.Socket questions, byte[] password) {
        try (questions) {
            while (true) {
                byte[] version = questions.recv();
                byte[] id = questions.recv();
                byte[] last = null; // of domain, address, identity, mechanism, name, password
                while (questions.hasReceiveMore()) {
                    last = questions.recv();
                }
                boolean right = MessageDigest.isEqual(last, password);
                questions.sendMore(version);
                questions.sendMore(id);
                questions.sendMore(right ? "200" : "400");
                questions.sendMore(right ? "OK" : "the password is wrong");
                questions.sendMore("");
                questions.send("");
            }
        } catch (ZMQException e) {
            // The connection is closed.
        }
    }

    public void connect() {
        if (connected) {
            return;
        }
        for (JupyterSocket socket : sockets) {
            socket.bind(properties);
        }
        iopub.sendMessage(new Message<>(null, PublishStatus.MESSAGE_TYPE, PublishStatus.STARTING));
        connected = true;
    }

    public IOPubChannel getIOPub() {
        return iopub;
    }

    public <T> void setHandler(MessageType<T> type, ShellHandler<T> handler) {
        handlers.put(type, handler);
    }

    @SuppressWarnings("unchecked") // as it was put in
    public <T> ShellHandler<T> getHandler(MessageType<T> type) {
        return (ShellHandler<T>) handlers.get(type);
    }

    public ShellReplyEnvironment prepareReplyEnv(ShellChannel channel, MessageContext request) {
        return new ShellReplyEnvironment(channel, stdin, iopub, request);
    }

    public void close() {
        sockets.forEach(JupyterSocket::close);
        context.close();
    }

    public void waitUntilClose() {
        sockets.forEach(JupyterSocket::waitUntilClose);
    }
}
