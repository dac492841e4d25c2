import { useNavigate } from "@tanstack/react-router";
import { api } from "../api/client";
import { texts } from "../texts";
import { Form, said } from "../ui/form";
import { Answered, Empty } from "../ui/notes";
import { Hits } from "./hits";

interface SearchProps {
  workflow: string;
  query: string | undefined;
  onOpen: (document: string) => void;
}

const MOST = 50;

/** Documents by what they mean, in one's own words. */
export function Search({ workflow, query, onOpen }: SearchProps) {
  const navigate = useNavigate();
  const params = { path: { workflow }, query: { query: query ?? "", limit: MOST } };
  const hits = api.useQuery("get", "/v1/pipeline/{workflow}/search", { params }, { enabled: query !== undefined });
  const ask = async (form: FormData) => navigate({ to: ".", search: { part: "search", query: said(form, "query") } });
  return (
    <div className="stack narrow">
      <Form key={query} onSend={ask} send={texts.verbs.search}>
        <input
          name="query"
          type="search"
          data-filter
          required
          aria-label={texts.collections.ask}
          placeholder={texts.collections.ask}
          defaultValue={query}
        />
      </Form>
      {query !== undefined && (
        <Answered query={hits}>
          {({ items }) =>
            items.length === 0 ? <Empty>{texts.collections.nothingFound}</Empty> : <Hits hits={items} onOpen={onOpen} />
          }
        </Answered>
      )}
    </div>
  );
}
