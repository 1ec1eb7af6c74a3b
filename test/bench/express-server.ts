import { createServer, type RequestListener } from 'node:http';
import express from 'express';
import { answerParent, optionsOf } from './child';
import { portOf } from './listening';

/* Express as in its own guide: its JSON reader, a route with parameters, res.json. */

const { reply } = optionsOf<{ reply: unknown }>();

const app = express();
app.use(express.json());
app.post('/api/v1/organizers/:organizer/events/:event/checkinlists/:list/positions/:position/redeem/', (_req, res) => {
  res.status(201).json(reply);
});

answerParent(() => portOf(createServer(app as RequestListener)));
